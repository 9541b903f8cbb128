"""Results, records and correspondences of one data set -> what the report's page computes with, as plain values."""

import dataclasses
import os

import numpy as np

from qaconv_tf.evaluation.temporal_lifting import lifting_pivots
from qaconv_tf.explain.answers import MARKS, QueryMarks
from qaconv_tf.explain.failures import MOST_SUSPICIONS, impossible_sightings, mutual_strangers

_LIFTED = " + temporal lifting"
_MOST_COMPANIONS = 12
_MOST_PIVOTS = 24
_MOST_NEIGHBOURS = 16


class PageImages:
    """The images of a page: each is numbered, and embedded once, whatever shows it.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.report_data import PageImages
        >>> images = PageImages()
        >>> images.number(ImageRecord("a.jpg", 7)), images.number(ImageRecord("a.jpg", 7)), images.paths
        (0, 0, ['a.jpg'])
    """

    def __init__(self):
        self._numbers = {}

    def number(self, record):
        """Returns the number of a record's image."""
        return self._numbers.setdefault(os.fspath(record.path), len(self._numbers))

    @property
    def paths(self):
        """Paths by number."""
        return list(self._numbers)


class DatasetPage:
    """What the page knows of one data set.

    Args:
        results: sequence of `EvaluationResult`, of one data set. The first is what the others are compared with, and
            what labels are suspected by.
        query: sequence of records, one for each row of the scores.
        gallery: the same, one for each column.
        shown: list of `ShownQuery`.
        matches: `Matches` or `None`.
        images: `PageImages`, shared by all data sets of a page.
    """

    def __init__(self, results, query, gallery, shown, matches, images):
        self._results = results
        self._query, self._gallery = query, gallery
        self._shown = shown
        self._matches = matches
        self._images = images
        self._folder = os.path.commonpath([os.path.dirname(os.path.abspath(one.path)) for one in (*query, *gallery)])
        self._about = {}
        self._marks = QueryMarks(query, gallery, results[0].ranking.camera_filter)

    def to_page(self):
        """Returns a dict for JSON. Images are numbers; `"images"` says of each its file, identity, camera and time."""
        queries = [self._query_entry(shown) for shown in self._shown]
        strangers, members = self._strangers()
        sightings, overlapping = self._sightings()
        return {
            "name": self._results[0].dataset,
            "scorings": [result.scoring for result in self._results],
            "numQueries": len(self._query),
            "queries": queries,
            "strangers": strangers,
            "members": members,
            "sightings": sightings,
            "overlapping": overlapping,
            "matches": self._matches.to_page() if self._matches else None,
            "images": self._about,
        }

    def _image(self, record):
        number = self._images.number(record)
        self._about[number] = [self._relative(record), record.identity, record.camera, record.timestamp]
        return number

    def _relative(self, record):
        return os.path.relpath(os.path.abspath(record.path), self._folder)

    def _query_entry(self, shown):
        row = shown.row
        before = self._marks.ranks(row, self._results[0].scores[row])
        right = [self._marks.right_ranks(row, result.scores[row]) for result in self._results]
        pairs = self._matches.pairs if self._matches else {}
        return {
            "image": self._image(self._query[row]),
            "precision": [_number(result.ranking.average_precision[row], 4) for result in self._results],
            "first": [int(ranks[0]) if len(ranks) else None for ranks in right],
            "right": len(right[0]),
            "answers": [[self._answer(answer, before) for answer in answers] for answers in shown.answers],
            "fallen": [
                [self._answer(answer, before) for answer in self._fallen(row, result, shown.answers[0], answers)]
                for result, answers in zip(self._results, shown.answers, strict=True)
            ],
            "pairs": {
                self._image(self._gallery[column]): pairs[row, column]
                for column in shown.columns
                if (row, column) in pairs
            },
            "neighbours": {
                place: self._neighbours(row, result.descriptions)
                for place, result in enumerate(self._results)
                if result.descriptions is not None
            },
            "lifting": {
                place: self._lifting(row, result, shown.answers[place])
                for place, result in enumerate(self._results)
                if "temporal_lifting" in result.processing
            },
        }

    def _fallen(self, row, result, first, answers):
        """Answers of the first scoring, those ignored left out, that another does not list, as the other ranks them."""
        listed = {answer.column for answer in answers}
        fallen = [answer for answer in first if answer.rank and answer.column not in listed]
        if not fallen:
            return []
        scores = result.scores[row]
        ranks = self._marks.ranks(row, scores)
        return [
            dataclasses.replace(one, rank=int(ranks[one.column]), score=float(scores[one.column])) for one in fallen
        ]

    def _answer(self, answer, before):
        """Image, mark, rank (0 for an ignored image), score, and the rank that the first scoring gave it."""
        image = self._image(self._gallery[answer.column])
        rank, earlier = answer.rank or 0, int(before[answer.column])
        return [image, MARKS.index(answer.mark), rank, _number(answer.score, 5), earlier]

    def _neighbours(self, row, descriptions):
        """The images that re-ranking describes a query by, the heaviest first, with their weights."""
        found = descriptions[[row]].tocoo()
        weights = dict(zip(found.coords[1].tolist(), found.data.tolist(), strict=True))
        weights.pop(row, None)
        records = (*self._query, *self._gallery)
        heaviest = sorted(weights, key=lambda place: -weights[place])
        listed = [[self._image(records[place]), _number(weights[place], 4)] for place in heaviest[:_MOST_NEIGHBOURS]]
        return {"count": len(weights), "listed": listed}

    def _lifting(self, row, result, answers):
        """Why a query was lifted as it was: its companions, each camera's pivots, and the weights of its answers."""
        options = dict(result.processing["temporal_lifting"])
        sigma = options.pop("sigma")
        chosen = {name: options[name] for name in ("tau", "top_k", "pivot", "online")}
        base = self._lifted_from(result)
        companions, cameras = lifting_pivots(base, self._query, self._gallery, row, **chosen)
        now = self._query[row].timestamp
        near = sorted(companions.tolist(), key=lambda other: abs(self._query[other].timestamp - now))
        listed = [other for other in near if other != row][:_MOST_COMPANIONS]
        return {
            "sigma": sigma,
            "tau": options["tau"],
            "alpha": options["alpha"],
            "companions": [self._image(self._query[other]) for other in listed],
            "numCompanions": max(0, len(companions) - 1),
            "cameras": [
                {
                    "camera": camera,
                    "pivots": [self._image(self._gallery[column]) for column in pivots.columns[:_MOST_PIVOTS]],
                    "counts": pivots.counts[:_MOST_PIVOTS].tolist(),
                    "numPivots": len(pivots.columns),
                }
                for camera, pivots in cameras.items()
            ],
            "weights": [self._weight(answer, cameras, sigma) for answer in answers],
        }

    def _lifted_from(self, result):
        """The rows of the probabilities that a result was lifted from, as a function."""
        scoring = result.scoring.removesuffix(_LIFTED)
        before = next(one for one in self._results if one.scoring == scoring)
        if "reranking" in before.processing:
            return lambda rows: before.scores[rows]
        return lambda rows: 1 / (1 + np.exp(-before.scores[rows] / result.processing["temperature"]))

    def _weight(self, answer, cameras, sigma):
        record = self._gallery[answer.column]
        if record.camera not in cameras or record.timestamp is None:
            return 0.0
        return _number(cameras[record.camera].weights(np.array([record.timestamp]), sigma)[0], 4)

    def _strangers(self):
        """Suspected pairs of two identities, and the files of these identities."""
        first = self._results[0]
        found = mutual_strangers(first.scores, self._query, self._gallery, first.ranking.camera_filter)
        place_of = {shown.row: place for place, shown in enumerate(self._shown)}
        listed = [
            {
                "images": [self._image(self._query[one.row]), self._image(self._gallery[one.column])],
                "score": _number(one.score, 5),
                "query": place_of.get(one.row),
            }
            for one in found[:MOST_SUSPICIONS]
        ]
        identities = {self._query[one.row].identity for one in found[:MOST_SUSPICIONS]}
        identities |= {self._gallery[one.column].identity for one in found[:MOST_SUSPICIONS]} - self._distractors()
        members = {}
        for record in (*self._query, *self._gallery):
            if record.identity in identities:
                members.setdefault(str(record.identity), []).append(self._relative(record))
        return {"count": len(found), "listed": listed}, members

    def _distractors(self):
        """Identity 0, many people, unless somebody queries it: then it is one person, as in MSMT17."""
        return {0} - {record.identity for record in self._query}

    def _sightings(self):
        identities = {record.identity for record in self._query}
        found, overlapping = impossible_sightings((*self._query, *self._gallery), identities)
        listed = [
            {"images": [self._image(one.first), self._image(one.second)], "seconds": _number(one.seconds, 3)}
            for one in found[:MOST_SUSPICIONS]
        ]
        return {"count": len(found), "listed": listed}, overlapping


def _number(value, digits):
    """A number of few digits, `None` for NaN, which JSON does not know."""
    return None if np.isnan(value) else round(float(value), digits)
