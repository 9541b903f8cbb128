"""A data set's records -> a few pairs and queries, always the same, so that one can watch a model learn them."""

import dataclasses

import numpy as np

from qaconv_tf.explain.answers import QueryMarks

_SEED = 0  # of every choice: two runs show the same pairs


@dataclasses.dataclass(frozen=True)
class FixedExamples:
    """Pairs of a query and a gallery image, and queries, that are looked at in every evaluation.

    Args:
        pairs: dict of str, the pair's name, to `(row, column)`.
        queries: list of int, rows.

    Example:
        >>> from qaconv_tf.explain.fixed_examples import FixedExamples
        >>> FixedExamples({"right pair 1": (0, 2)}, [0]).pairs["right pair 1"]
        (0, 2)
    """

    pairs: dict
    queries: list


def choose_examples(query, gallery, camera_filter="same_identity", num_queries=4):
    """Chooses queries at random, a right answer of each, and a wrong one of the first: the same every time.

    Args:
        query: sequence of records with `.identity` and `.camera`; one at least has a right answer.
        gallery: the same.
        camera_filter: str. As `evaluate_ranking` takes it: right answers are of another camera unless it is `"none"`.
            Defaults to `"same_identity"`.
        num_queries: int. How many at most. Defaults to `4`.

    Returns:
        `FixedExamples`.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.fixed_examples import choose_examples
        >>> gallery = [ImageRecord("a.jpg", 7, 1), ImageRecord("b.jpg", 3, 1), ImageRecord("c.jpg", 7, 0)]
        >>> choose_examples([ImageRecord("q.jpg", 7, 0)], gallery)
        FixedExamples(pairs={'right pair 1': (0, 0), 'wrong pair': (0, 1)}, queries=[0])
    """
    marks = QueryMarks(query, gallery, camera_filter)
    generator = np.random.default_rng(_SEED)
    pairs, queries = {}, []
    for row in generator.permutation(len(query)).tolist():
        if len(queries) == num_queries:
            break
        ignored, relevant = marks.masks(row)
        if relevant.any():
            queries.append(row)
            pairs[f"right pair {len(queries)}"] = row, int(generator.choice(np.flatnonzero(relevant)))
            wrong = np.flatnonzero(~(ignored | relevant))
            if len(wrong) and "wrong pair" not in pairs:
                pairs["wrong pair"] = row, int(generator.choice(wrong))
    return FixedExamples(pairs, queries)
