"""Scores -> the precision-recall curve of a data set."""

import numpy as np

from qaconv_tf.explain.answers import QueryMarks

NUM_LEVELS = 100


def precision_at_recall(scores, query, gallery, camera_filter="same_identity"):
    """Returns the mean precision where each share of a query's right answers has been found.

    The mean over the queries that have a right answer, of the precision at the rank where that share is reached,
    without interpolation. So the area beneath the curve is the mean average precision by the step formula; at the 100
    levels, which stand in the middle of their hundredth, nearly so.

    Args:
        scores: array or memory map `(num_query, num_gallery)`.
        query: sequence of records with `.identity` and `.camera`.
        gallery: the same.
        camera_filter: str. As `evaluate_ranking` takes it. Defaults to `"same_identity"`.

    Returns:
        float array `(100,)`, of the recalls 0.005, 0.015 to 0.995; zeros if no query has a right answer.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.curves import precision_at_recall
        >>> gallery = [ImageRecord("a.jpg", 7, 1), ImageRecord("b.jpg", 3, 1), ImageRecord("c.jpg", 7, 1)]
        >>> curve = precision_at_recall(np.array([[0.9, 0.5, 0.4]]), [ImageRecord("q.jpg", 7, 0)], gallery)
        >>> [round(float(curve[place]), 3) for place in (0, 49, 50, 99)], round(float(curve.mean()), 3)
        ([1.0, 1.0, 0.667, 0.667], 0.833)
    """
    levels = (np.arange(NUM_LEVELS) + 0.5) / NUM_LEVELS
    marks = QueryMarks(query, gallery, camera_filter)
    total, count = np.zeros(NUM_LEVELS), 0
    for row in range(len(query)):
        ranks = marks.right_ranks(row, scores[row])
        if len(ranks):
            precision = np.arange(1, len(ranks) + 1) / ranks
            total += precision[(levels * len(ranks)).astype(int)]
            count += 1
    return total / max(count, 1)
