"""A query's scores -> the top of its ranking, each image marked right, wrong or ignored."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

JUNK_IDENTITY = -1
STRIP_LENGTH = 10


@dataclasses.dataclass(frozen=True)
class RankedImage:
    """One image of a strip.

    Args:
        record: the gallery record.
        score: float. Its score with the query.
        mark: str. `"right"`, `"wrong"` or `"ignored"`.
        rank: int or None. From 1, ignored images left out; `None` for an ignored image.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.ranked_strips import RankedImage
        >>> RankedImage(ImageRecord("g.jpg", identity=7), score=0.5, mark="right", rank=1).mark
        'right'
    """

    record: Any
    score: float
    mark: str
    rank: int | None


@dataclasses.dataclass(frozen=True)
class RankedStrip:
    """The top of one query's ranking.

    Args:
        query: the query record.
        images: tuple of `RankedImage`, best first.
        num_hidden: int. Ignored images that stand among these and are left out, because there are too many.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.ranked_strips import RankedStrip
        >>> RankedStrip(ImageRecord("q.jpg", identity=7), images=(), num_hidden=0).query.identity
        7
    """

    query: Any
    images: tuple[RankedImage, ...]
    num_hidden: int


def ranked_strip(
    scores: np.ndarray, query: Any, gallery: Sequence[Any], camera_filter: str = "same_identity"
) -> RankedStrip:
    """Returns the first ten answers of one query, and the first ten ignored images that stand among them.

    The ignored ones are shown because a model that ranks the query's own camera first has seen that camera; they do
    not use up the ten, or half of the strips of a small data set would show nothing else. Equal scores keep the
    gallery's order, as in `evaluate_ranking`.

    Args:
        scores: array `(num_gallery,)`. Higher is more alike.
        query: record with `.identity` (int or str) and `.camera` (int or `None`, unknown).
        gallery: sequence of such records.
        camera_filter: str. As `evaluate_ranking` takes it. Defaults to `"same_identity"`.

    Returns:
        A `RankedStrip`.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.ranked_strips import ranked_strip
        >>> query = ImageRecord("q.jpg", identity=7, camera=0)
        >>> gallery = [ImageRecord("a.jpg", 7, camera=1), ImageRecord("b.jpg", 3, camera=1), ImageRecord("c.jpg", 7, 0)]
        >>> strip = ranked_strip(np.array([0.5, 0.75, 0.625]), query, gallery)
        >>> [(image.mark, image.score, image.rank) for image in strip.images]
        [('wrong', 0.75, 1), ('ignored', 0.625, None), ('right', 0.5, 2)]
    """
    images = []
    rank = num_ignored = 0
    for column in np.argsort(-np.asarray(scores, np.float32), kind="stable"):
        mark = mark_answer(query, gallery[column], camera_filter)
        if mark == "ignored":
            num_ignored += 1
            if num_ignored > STRIP_LENGTH:
                continue
        else:
            rank += 1
        images.append(RankedImage(gallery[column], float(scores[column]), mark, None if mark == "ignored" else rank))
        if rank == STRIP_LENGTH:
            break
    return RankedStrip(query, tuple(images), num_hidden=max(0, num_ignored - STRIP_LENGTH))


def mark_answer(query: Any, answer: Any, camera_filter: str = "same_identity") -> str:
    """Returns `"right"`, `"wrong"` or `"ignored"` by the Market-1501 rules.

    Args:
        query: record with `.identity` and `.camera`.
        answer: the gallery record.
        camera_filter: str. As `evaluate_ranking` takes it. Defaults to `"same_identity"`.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.ranked_strips import mark_answer
        >>> mark_answer(ImageRecord("q.jpg", "ann", camera=0), ImageRecord("g.jpg", "ann", camera=0))
        'ignored'
    """
    if answer.identity == JUNK_IDENTITY:
        return "ignored"
    if answer.identity != query.identity:
        return "wrong"
    # An unknown camera equals no other, not even another unknown one.
    same_camera = camera_filter == "same_identity" and query.camera is not None and query.camera == answer.camera
    return "ignored" if same_camera else "right"


def queries_to_show(average_precision: np.ndarray) -> dict[str, list[int]]:
    """Chooses at most eight queries: three with the worst average precision, two median and three with the best.

    Args:
        average_precision: array `(num_query,)`, NaN for a query without a right answer, which is never chosen.

    Returns:
        dict with the keys `"worst"`, `"median"` and `"best"`: query numbers, the worst and the best at the head of
        their lists. No query is chosen twice; of few queries a list may be empty.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.explain.ranked_strips import queries_to_show
        >>> queries_to_show(np.array([0.5, np.nan, 0.1, 0.9]))
        {'worst': [2], 'median': [0], 'best': [3]}
    """
    # NaN sorts last.
    order = np.argsort(average_precision, kind="stable")[: np.count_nonzero(~np.isnan(average_precision))].tolist()
    num_extreme = min(3, len(order) // 2)
    num_median = min(2, len(order) - 2 * num_extreme)
    first_median = (len(order) - num_median) // 2
    return {
        "worst": order[:num_extreme],
        "median": order[first_median : first_median + num_median],
        "best": order[::-1][:num_extreme],
    }
