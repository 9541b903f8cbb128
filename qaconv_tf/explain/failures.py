"""Scores and records -> what a person should look at: labels that may be wrong."""

import collections
import dataclasses
import itertools
from typing import Any

import numpy as np

from qaconv_tf.explain.answers import QueryMarks

MOST_SUSPICIONS = 50
# Of the people whom two cameras share, as many may be at both at once before the cameras are taken to overlap: few
# by number where they share few people, lest one wrong label hide itself.
OVERLAPPING = 0.05
_FEW = 2
_SECOND = 1.0


@dataclasses.dataclass(frozen=True)
class Strangers:
    """Two images of different identities that are each other's best match.

    Args:
        row: int. The query.
        column: int. The gallery image.
        score: float.

    Example:
        >>> from qaconv_tf.explain.failures import Strangers
        >>> Strangers(row=0, column=3, score=2.5).column
        3
    """

    row: int
    column: int
    score: float


@dataclasses.dataclass(frozen=True)
class Sighting:
    """Two images of one identity that cannot both be right.

    Args:
        first: record of the earlier image.
        second: record of the later one.
        seconds: float. From the one to the other.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.failures import Sighting
        >>> first, second = ImageRecord("a.jpg", 7, camera=0, timestamp=3.0), ImageRecord("b.jpg", 7, 1, 3.5)
        >>> Sighting(first, second, seconds=0.5).seconds
        0.5
    """

    first: Any
    second: Any
    seconds: float


def mutual_strangers(scores, query, gallery, camera_filter="same_identity"):
    """Finds queries whose first answer is wrong, though of all queries it is itself most like that one.

    That is what one person under two identities looks like; and what two people look like whom the model confuses.

    Args:
        scores: array or memory map `(num_query, num_gallery)`.
        query: sequence of records with `.identity` and `.camera`.
        gallery: the same.
        camera_filter: str. As `evaluate_ranking` takes it. Defaults to `"same_identity"`.

    Returns:
        A list of `Strangers`, the most alike first.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.failures import mutual_strangers
        >>> query = [ImageRecord("q.jpg", "ann", 0), ImageRecord("p.jpg", "bob", 0)]
        >>> gallery = [ImageRecord("a.jpg", "ann", 1), ImageRecord("x.jpg", "eve", 1)]
        >>> mutual_strangers(np.array([[0.2, 0.9], [0.1, 0.3]]), query, gallery)
        [Strangers(row=0, column=1, score=0.9)]
    """
    marks = QueryMarks(query, gallery, camera_filter)
    best_score = np.full(len(gallery), -np.inf)
    best_row = np.full(len(gallery), -1)
    firsts = []
    for row in range(len(query)):
        ignored, relevant = marks.masks(row)
        of_row = np.where(ignored, -np.inf, np.asarray(scores[row], np.float64))
        better = of_row > best_score
        best_score[better], best_row[better] = of_row[better], row
        column = int(np.argmax(of_row))
        if not relevant[column] and not ignored[column]:
            firsts.append(Strangers(row, column, float(of_row[column])))
    mutual = [one for one in firsts if best_row[one.column] == one.row]
    return sorted(mutual, key=lambda one: -one.score)


def impossible_sightings(records, identities):
    """Finds pairs of images of one person in two places at once.

    Two images of one camera and one identity at the very same time, as one camera sees a person once; and images of
    two cameras within one second. Only of cameras that rarely see the same person at once (at most 5 % of those whom
    both see, or two people): others overlap, their clocks do not agree or count whole seconds, and nothing follows.

    Args:
        records: sequence of records with `.identity`, `.camera` and `.timestamp`.
        identities: set. Those looked at: distractors, many people of one identity, are none.

    Returns:
        `(sightings, overlapping)`: a list of `Sighting`, the nearest in time first; and the pairs of cameras that
        were left out, as a sorted list of tuples; a camera with itself where its clock is too coarse.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.failures import impossible_sightings
        >>> records = [ImageRecord(f"{person}{camera}.jpg", person, camera, 100.0 * person + 60 * camera)
        ...     for person in range(30) for camera in range(2)]
        >>> records.append(ImageRecord("wrong.jpg", 4, camera=1, timestamp=400.5))
        >>> sightings, overlapping = impossible_sightings(records, set(range(30)))
        >>> [(one.first.path, one.second.path, one.seconds) for one in sightings], overlapping
        ([('40.jpg', 'wrong.jpg', 0.5)], [])
    """
    of_person = collections.defaultdict(list)
    for record in {record.path: record for record in records}.values():
        if record.identity in identities and record.camera is not None and record.timestamp is not None:
            of_person[record.identity].append(record)
    found = collections.defaultdict(list)
    met, shared = collections.Counter(), collections.Counter()
    for images in of_person.values():
        cameras = sorted({record.camera for record in images})
        shared.update(itertools.combinations_with_replacement(cameras, 2))
        at_once = list(_at_once(sorted(images, key=lambda record: record.timestamp)))
        for sighting in at_once:
            found[_cameras(sighting)].append(sighting)
        met.update({_cameras(sighting) for sighting in at_once})
    overlapping = sorted(pair for pair in found if met[pair] > max(_FEW, OVERLAPPING * shared[pair]))
    kept = [sighting for pair, sightings in found.items() if pair not in overlapping for sighting in sightings]
    return sorted(kept, key=lambda sighting: (sighting.seconds, sighting.first.path)), overlapping


def _at_once(images):
    """Pairs of images, in order of time, that are too near in time for their cameras."""
    for place, first in enumerate(images):
        for second in images[place + 1 :]:
            seconds = second.timestamp - first.timestamp
            if seconds >= _SECOND:
                break
            if first.camera != second.camera or seconds == 0:
                yield Sighting(first, second, float(seconds))


def _cameras(sighting):
    return tuple(sorted((sighting.first.camera, sighting.second.camera)))
