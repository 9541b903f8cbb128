"""Scores -> for each query its answers as a report shows them, and where all right answers stand."""

import dataclasses

import numpy as np

from qaconv_tf.evaluation.ranking import ignored_and_relevant, integer_keys

MARKS = ("right", "wrong", "ignored")
_MOST_IGNORED = 10


@dataclasses.dataclass(frozen=True)
class Answer:
    """One gallery image among a query's answers.

    Args:
        column: int. The gallery image.
        score: float. Its score with the query.
        mark: str. Of `MARKS`.
        rank: int or None. From 1, ignored images left out; `None` for an ignored image.

    Example:
        >>> from qaconv_tf.explain.answers import Answer
        >>> Answer(column=3, score=0.5, mark="right", rank=1).mark
        'right'
    """

    column: int
    score: float
    mark: str
    rank: int | None


class QueryMarks:
    """Which gallery images are right answers of each query, which wrong, and which are ignored.

    Args:
        query: sequence of records with `.identity` and `.camera`.
        gallery: the same.
        camera_filter: str. As `evaluate_ranking` takes it. Defaults to `"same_identity"`.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.answers import QueryMarks
        >>> gallery = [ImageRecord("a.jpg", 7, camera=1), ImageRecord("b.jpg", 3, camera=1), ImageRecord("c.jpg", 7, 0)]
        >>> marks = QueryMarks([ImageRecord("q.jpg", 7, camera=0)], gallery)
        >>> [(answer.column, answer.mark, answer.rank) for answer in marks.answers(0, np.array([0.5, 0.75, 0.6]), 1)]
        [(1, 'wrong', 1), (0, 'right', 2)]
        >>> marks.right_ranks(0, np.array([0.5, 0.75, 0.6])).tolist()
        [2]
    """

    def __init__(self, query, gallery, camera_filter="same_identity"):
        self._query_keys, self._gallery_keys = integer_keys(query, gallery, camera_filter)

    def masks(self, row):
        """Returns bool arrays `(num_gallery,)`: which images are ignored, and which are right answers."""
        return ignored_and_relevant(self._query_keys[row], self._gallery_keys)

    def answers(self, row, scores, number, most_right=None):
        """Returns a query's first answers, ignored images among them, and right answers beyond them.

        Equal scores keep the gallery's order, as in `evaluate_ranking`.

        Args:
            row: int. The query.
            scores: array `(num_gallery,)`. Its scores; higher is more alike.
            number: int. How many answers, ignored images not counted; at most ten of these are shown.
            most_right: int or None. Right answers beyond the first that are shown at most, those of the highest rank.
                Defaults to `None`, all.

        Returns:
            A list of `Answer`, best first.
        """
        ignored, relevant = self.masks(row)
        order = np.argsort(-np.asarray(scores, np.float32), kind="stable")
        rank = np.cumsum(~ignored[order])
        shown = rank <= number
        # Behind the last answer shown, ignored images have its rank.
        shown[np.flatnonzero(shown & ignored[order] & (rank == number))] = False
        shown[np.flatnonzero(shown & ignored[order])[_MOST_IGNORED:]] = False
        beyond = np.flatnonzero(relevant[order] & (rank > number))
        shown[beyond[:most_right]] = True
        return [
            Answer(int(column), float(scores[column]), *self._mark(ignored, relevant, column, int(at)))
            for column, at in zip(order[shown], rank[shown], strict=True)
        ]

    @staticmethod
    def _mark(ignored, relevant, column, rank):
        if ignored[column]:
            return "ignored", None
        return ("right" if relevant[column] else "wrong"), rank

    def ranks(self, row, scores):
        """Returns the rank of every gallery image, ignored ones 0, as an int array `(num_gallery,)`."""
        ignored, _ = self.masks(row)
        order = np.argsort(-np.asarray(scores, np.float32), kind="stable")
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.cumsum(~ignored[order])
        ranks[ignored] = 0
        return ranks

    def right_ranks(self, row, scores):
        """Returns the ranks of all right answers, rising, as an int array."""
        ignored, relevant = self.masks(row)
        if not relevant.any():
            return np.zeros(0, np.int64)
        falling = -np.asarray(scores, np.float32)
        kept = np.sort(falling[~ignored])  # values alone sort many times faster than their order
        columns = np.flatnonzero(relevant)
        before = np.searchsorted(kept, falling[columns])
        tied = np.searchsorted(kept, falling[columns], side="right") - before > 1
        ranks = before + 1
        for place in np.flatnonzero(tied):
            equal = (falling == falling[columns[place]]) & ~ignored
            ranks[place] += np.count_nonzero(equal[: columns[place]])
        return np.sort(ranks)
