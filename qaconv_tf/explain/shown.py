"""Results of one data set -> the queries and answers that a report shows, few enough to keep the file small."""

import dataclasses

import numpy as np

from qaconv_tf.explain.answers import Answer, QueryMarks
from qaconv_tf.explain.failures import MOST_SUSPICIONS, mutual_strangers
from qaconv_tf.explain.matches import bytes_of_pair
from qaconv_tf.explain.thumbnails import typical_bytes

LARGEST_REPORT = 25_000_000
# The difference is kept free for the rest: tables, curves, names.
REPORT_BYTES = 22_000_000
_FEWER_RIGHT = (None, 50, 20, 10, 5, 2, 0)


@dataclasses.dataclass(frozen=True)
class ReportLimits:
    """How much a report shows of each data set.

    Args:
        queries: int. Of more, the worst, those of suspected labels, and others evenly along the average precision.
            Defaults to `200`.
        answers: int. First answers to a query; right ones beyond these are shown as far as the file, of all data sets,
            stays below 25 MB. Defaults to `10`.

    Example:
        >>> from qaconv_tf.explain.shown import ReportLimits
        >>> ReportLimits(queries=50).answers
        10
    """

    queries: int = 200
    answers: int = 10


@dataclasses.dataclass(frozen=True)
class ShownQuery:
    """One query and its answers.

    Args:
        row: int. The query.
        answers: list, for each result a list of `Answer`.

    Example:
        >>> from qaconv_tf.explain.answers import Answer
        >>> from qaconv_tf.explain.shown import ShownQuery
        >>> ShownQuery(row=3, answers=[[Answer(7, 0.5, "right", 1)]]).columns
        [7]
    """

    row: int
    answers: list[list[Answer]]

    @property
    def columns(self):
        """All gallery images shown, whatever the scoring."""
        return sorted({answer.column for of_result in self.answers for answer in of_result})


def shown_queries(results, query, gallery, limits, locations=0, num_datasets=1):
    """Chooses what a report shows of one data set.

    Args:
        results: sequence of `EvaluationResult`, of one data set.
        query: sequence of records, one for each row of the scores.
        gallery: the same, one for each column.
        limits: `ReportLimits`.
        locations: int. Of the feature maps, if each pair's correspondences are to be shown. Defaults to `0`, they are
            not.
        num_datasets: int. Of the report, which share its size equally. Defaults to `1`.

    Returns:
        A list of `ShownQuery`, in the queries' order.

    Raises:
        UserError: if an image cannot be read.

    Example:
        >>> import tempfile
        >>> from types import SimpleNamespace
        >>> import numpy as np
        >>> from PIL import Image
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.evaluation.ranking import evaluate_ranking
        >>> from qaconv_tf.explain.shown import ReportLimits, shown_queries
        >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
        ...     Image.new("RGB", (32, 64)).save(file.name)
        ...     query = [ImageRecord(file.name, 7, camera=0)]
        ...     gallery = [ImageRecord(file.name, identity, camera=1) for identity in (3, 3, 7)]
        ...     scores = np.array([[0.9, 0.8, 0.7]])
        ...     result = SimpleNamespace(scores=scores, ranking=evaluate_ranking(scores, query, gallery))
        ...     [shown] = shown_queries([result], query, gallery, ReportLimits(answers=1))
        >>> [(answer.column, answer.rank) for answer in shown.answers[0]]
        [(0, 1), (2, 3)]
    """
    camera_filter = results[0].ranking.camera_filter
    marks = QueryMarks(query, gallery, camera_filter)
    rows = _chosen_rows(results[0], query, gallery, limits.queries)
    per_image = typical_bytes([record.path for record in (*query, *gallery)])
    for most_right in _FEWER_RIGHT:
        shown = [
            ShownQuery(row, [marks.answers(row, one.scores[row], limits.answers, most_right) for one in results])
            for row in rows
        ]
        if _bytes_of(shown, per_image, locations) <= REPORT_BYTES / num_datasets:
            break
    return shown


def _chosen_rows(result, query, gallery, number):
    if len(query) <= number:
        return list(range(len(query)))
    order = np.argsort(result.ranking.average_precision, kind="stable")  # NaN last
    strangers = mutual_strangers(result.scores, query, gallery, result.ranking.camera_filter)[:MOST_SUSPICIONS]
    chosen = dict.fromkeys(order[: number // 4].tolist())
    chosen |= dict.fromkeys([one.row for one in strangers][: number // 4])
    left = [row for row in order.tolist() if row not in chosen]
    evenly = np.linspace(0, len(left) - 1, number - len(chosen)).round().astype(int)
    return sorted([*chosen, *(left[place] for place in evenly)])


def _bytes_of(shown, per_image, locations):
    columns = [(one.row, one.columns) for one in shown]
    images = len(shown) + len({column for _, of_query in columns for column in of_query})
    pairs = sum(len(of_query) for _, of_query in columns)
    return images * per_image + pairs * (bytes_of_pair(locations) if locations else 0)


def pairs_of(shown):
    """Returns all pairs `(row, column)` of shown queries and answers.

    Example:
        >>> from qaconv_tf.explain.answers import Answer
        >>> from qaconv_tf.explain.shown import ShownQuery, pairs_of
        >>> pairs_of([ShownQuery(3, [[Answer(7, 0.5, "right", 1)], [Answer(2, 0.9, "wrong", 1)]])])
        [(3, 2), (3, 7)]
    """
    return [(one.row, column) for one in shown for column in one.columns]
