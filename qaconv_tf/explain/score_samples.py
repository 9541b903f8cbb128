"""Scores -> those of right and of wrong pairs, few enough for a histogram."""

import numpy as np

from qaconv_tf.explain.answers import QueryMarks


def right_and_wrong_scores(
    scores, query, gallery, camera_filter="same_identity", most_queries=200, most_wrong=500, seed=0
):
    """Returns the scores of pairs that show one identity and of pairs that show two, ignored pairs left out.

    Args:
        scores: array or memory map `(num_query, num_gallery)`.
        query: sequence of records with `.identity` and `.camera`.
        gallery: the same.
        camera_filter: str. As `evaluate_ranking` takes it. Defaults to `"same_identity"`.
        most_queries: int. Of more, so many are drawn. Defaults to `200`.
        most_wrong: int. Of more wrong answers to a query, so many are drawn. Defaults to `500`.
        seed: int. Of both. Defaults to `0`.

    Returns:
        Two float32 arrays `(number of pairs,)`: right, wrong.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.score_samples import right_and_wrong_scores
        >>> gallery = [ImageRecord("a.jpg", 7, 1), ImageRecord("b.jpg", 3, 1), ImageRecord("c.jpg", 7, 0)]
        >>> right, wrong = right_and_wrong_scores(np.array([[4.0, 1.0, 9.0]]), [ImageRecord("q.jpg", 7, 0)], gallery)
        >>> right.tolist(), wrong.tolist()
        ([4.0], [1.0])
    """
    marks = QueryMarks(query, gallery, camera_filter)
    generator = np.random.default_rng(seed)
    right, wrong = [], []
    for row in np.sort(generator.permutation(len(query))[:most_queries]):
        ignored, relevant = marks.masks(row)
        of_query = np.asarray(scores[row], np.float32)
        right.append(of_query[relevant])
        others = np.flatnonzero(~(ignored | relevant))
        wrong.append(of_query[np.sort(generator.permutation(others)[:most_wrong])])
    return np.concatenate(right), np.concatenate(wrong)
