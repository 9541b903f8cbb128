"""Correspondences and ground truth -> how often what matched is the same part or place of the body, by viewpoint."""

import collections
import dataclasses

import numpy as np

from qaconv_tf.errors import UserError

NEAR = 0.10  # metres
VIEWPOINTS = (0, 45, 90, 135, 180)  # edges, degrees between the viewpoints of two images; 180 belongs to the last
MEASURES = ("same_part", "within_10_cm")
RATES = ("matched", "achievable", "chance", "chance_anywhere")


@dataclasses.dataclass(frozen=True, eq=False)
class LocationTruth:
    """What the locations of one image's feature map show, numbered row by row.

    Args:
        parts: int array `(locations,)`. Part of the body, 0 where a location does not count as one of the body.
        places: float array `(locations, 3)`. The place on the average body's surface at rest, metres; NaN where `parts`
            is 0.
        viewpoint: float. From where the camera sees the person, degrees.
    """

    parts: np.ndarray
    places: np.ndarray
    viewpoint: float


@dataclasses.dataclass(frozen=True, eq=False)
class CorrespondenceScore:
    """How often matched locations lie on the same part, and near by, in bins of viewpoint change.

    Every location of the body counts as much as any other, whatever pair it is of.

    Args:
        sums: float array `(bins, 2, 4)`. For the bins of `VIEWPOINTS` and each of `MEASURES`, sums of `RATES` over
            locations.
        num_locations: int array `(bins,)`. Locations of the body that were matched.
        num_pairs: int array `(bins,)`. Pairs of images, each taken in one direction.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.evaluation.correspondence_score import CorrespondenceScore
        >>> sums = np.zeros((4, 2, 4))
        >>> sums[0, 0, 0], sums[3, 0, 0] = 30, 10
        >>> score = CorrespondenceScore(sums, np.array([60, 0, 0, 40]), np.array([2, 0, 0, 1]))
        >>> [(row["viewpoint_change"], row["same_part"]["matched"]) for row in score.to_rows()]
        [('all', 0.4), ('0-45', 0.5), ('135-180', 0.25)]
    """

    sums: np.ndarray
    num_locations: np.ndarray
    num_pairs: np.ndarray

    def to_rows(self):
        """Returns a plain dict for all locations and one for each bin that has some, for JSON.

        A row is `viewpoint_change`, `pairs`, `locations` and, for each measure, the rates: `matched`, of the locations
        that matched; `achievable`, the share for which some location of the other image would have been right;
        `chance`, the expectation of a match drawn evenly among the other image's locations of the body; and
        `chance_anywhere`, of one drawn among all of its locations.
        """
        bins = zip(VIEWPOINTS[:-1], VIEWPOINTS[1:], strict=True)
        groups = [("all", slice(None)), *((f"{low}-{high}", [bin]) for bin, (low, high) in enumerate(bins))]
        return [self._row(name, of) for name, of in groups if self.num_locations[of].sum()]

    def _row(self, name, of):
        locations = int(self.num_locations[of].sum())
        rates = (self.sums[of].sum(axis=0) / locations).tolist()
        listed = {measure: dict(zip(RATES, row, strict=True)) for measure, row in zip(MEASURES, rates, strict=True)}
        return {"viewpoint_change": name, "pairs": int(self.num_pairs[of].sum()), "locations": locations} | listed


def truth_of_locations(parts, surface, viewpoint, feature_shape):
    """Says what part and place each location of a feature map shows.

    The map divides the image evenly, as the pictures of correspondences do, for the image was resized as a whole; a
    pixel belongs to the location that its centre is in. A location counts as one of the body if the body is at least
    half of its pixels: else it is background, or somebody else, that the network mainly sees there. Its part is the
    one with most pixels (of equal ones the lowest), and its place that of the pixel of this part nearest to their mean
    place: their mean itself would lie under the skin. What a person carries is not of the body, having no place on it.

    Args:
        parts: int array `(height, width)`. 0 where the person is not seen.
        surface: float array `(height, width, 3)`. Places on the body, metres; NaN where there is none.
        viewpoint: float. Degrees.
        feature_shape: tuple `(feature_height, feature_width)`.

    Returns:
        A `LocationTruth`.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.evaluation.correspondence_score import truth_of_locations
        >>> parts = np.array([[1, 1, 0, 0], [1, 3, 0, 3]])
        >>> truth_of_locations(parts, np.ones((2, 4, 3)), 0.0, (1, 2)).parts.tolist()
        [1, 0]
    """
    number = int(np.prod(feature_shape))
    rows, columns = (
        ((np.arange(size) + 0.5) * cells / size).astype(int)
        for size, cells in zip(parts.shape, feature_shape, strict=True)
    )
    location = rows[:, None] * feature_shape[1] + columns  # (height, width)
    body = (parts > 0) & np.isfinite(surface).all(axis=-1)
    num_parts = int(parts.max()) + 1
    votes = np.bincount(location[body] * num_parts + parts[body], minlength=number * num_parts)
    votes = votes.reshape(number, num_parts)
    counts = 2 * votes.sum(axis=1) >= np.bincount(location.ravel(), minlength=number)
    winners = np.where(counts, votes.argmax(axis=1), 0)  # 0 too of a location between the pixels of a small image
    places = np.full((number, 3), np.nan)
    shown = body & (parts == winners[location])
    found, first = _nearest_to_mean(location[shown], surface[shown].astype(np.float64))
    places[found] = surface[shown][first]
    return LocationTruth(winners, places, float(viewpoint))


def _nearest_to_mean(group, points):
    """Returns the groups, and for each the index of its point that is nearest to their mean (of equal ones the first).

    Args:
        group: int array `(n,)`.
        points: float array `(n, 3)`.
    """
    found, inverse, counts = np.unique(group, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(inverse, axis, len(found)) for axis in points.T], axis=-1)
    distance = np.linalg.norm(points - (sums / counts[:, None])[inverse], axis=-1)
    order = np.lexsort((distance, inverse))
    return found, order[np.concatenate([[0], counts.cumsum()[:-1]]).astype(int)] if len(found) else order


def sample_pairs(query, gallery, count, seed=0):
    """Draws pairs of a query and a gallery image of the same person by another camera.

    Args:
        query: sequence of `ImageRecord`.
        gallery: sequence of `ImageRecord`.
        count: int. How many at most; of fewer, all.
        seed: int. Defaults to `0`.

    Returns:
        A list of `(row, column)`, places in `query` and `gallery`, in rising order.

    Raises:
        UserError: if there is no such pair.
    """
    columns = collections.defaultdict(list)
    for column, record in enumerate(gallery):
        columns[record.identity].append(column)
    pairs = [
        (row, column)
        for row, record in enumerate(query)
        for column in columns[record.identity]
        if record.camera is None or gallery[column].camera != record.camera
    ]
    if not pairs:
        raise UserError("Expected a query with a gallery image by another camera. Received: none. Add cameras")
    chosen = np.random.default_rng(seed).permutation(len(pairs))[:count]
    return [pairs[number] for number in sorted(chosen)]


def score_correspondences(best, query, gallery):
    """Scores matched locations against ground truth.

    Counted are the query's locations of the body. A match is right by part if the matched location has the same part,
    and by place if it lies within `NEAR` of the place, in a straight line through the average body at rest. Of the
    skin within ten centimetres of a place 94 % is within 13 along the skin too, since limbs at rest are apart (measured
    on the average body; least at head and neck, 76 and 83 %); and chance and ceiling are measured by the same line.

    Args:
        best: int array `(num_pairs, locations)`. For each location of a pair's query image the one that it matched in
            the gallery image.
        query: sequence of `LocationTruth`, one a pair.
        gallery: the same.

    Returns:
        A `CorrespondenceScore`.

    Raises:
        ValueError: if there is not a `best`, a query and a gallery image for each pair.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.evaluation.correspondence_score import LocationTruth, score_correspondences
        >>> front = LocationTruth(np.array([1, 3, 3]), np.array([[0, 1.7, 0], [0, 1.2, 0], [0, 1.28, 0]]), 0)
        >>> back = LocationTruth(np.array([1, 3, 0]), np.array([[0, 1.7, 0], [0, 1.2, 0], [np.nan] * 3]), 180)
        >>> found = score_correspondences(np.array([[0, 0, 1]]), [front], [back]).to_rows()[0]
        >>> {name: round(rate, 2) for name, rate in found["within_10_cm"].items()}
        {'matched': 0.67, 'achievable': 1.0, 'chance': 0.5, 'chance_anywhere': 0.33}
    """
    bins = len(VIEWPOINTS) - 1
    sums = np.zeros((bins, len(MEASURES), len(RATES)))
    num_locations, num_pairs = np.zeros(bins, int), np.zeros(bins, int)
    for matched, one, other in zip(best, query, gallery, strict=True):
        change = abs((one.viewpoint - other.viewpoint + 180) % 360 - 180)
        bin = min(int(np.searchsorted(VIEWPOINTS, change, side="right")) - 1, bins - 1)
        counted, of_body = one.parts > 0, other.parts > 0
        # (counted locations, locations) each
        same_part = one.parts[counted][:, None] == other.parts
        near = np.linalg.norm(one.places[counted][:, None] - other.places, axis=-1) <= NEAR
        for measure, right in enumerate((same_part, near)):
            hits = np.take_along_axis(right, np.asarray(matched, int)[counted][:, None], axis=1)
            # Right locations are of the body, so that both chances count the same ones.
            total, achievable = right.sum(), right.any(axis=1).sum()
            sums[bin, measure] += hits.sum(), achievable, total / max(of_body.sum(), 1), total / len(of_body)
        num_locations[bin] += counted.sum()
        num_pairs[bin] += 1
    return CorrespondenceScore(sums, num_locations, num_pairs)
