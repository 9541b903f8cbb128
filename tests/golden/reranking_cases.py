"""Inputs that `make_reranking.py` and its test make alike: tables of distances, by seed."""

import numpy as np

NUM_QUERY, NUM_GALLERY = 20, 100
# Name -> seed, arguments of re-ranking, and what is special about the distances.
CASES = {
    "published": (1, {}, {}),
    "two directions": (2, {}, {"symmetric": False}),
    "other numbers": (3, {"k1": 7, "k2": 3, "lambda_value": 0.5}, {"symmetric": False}),
    "no averaging": (4, {"k1": 10, "k2": 1, "lambda_value": 0.0}, {}),
    "few neighbours": (5, {"k1": 2, "k2": 5}, {}),
    "all are neighbours": (6, {"k1": 500, "k2": 6}, {}),
    "negated scores": (7, {}, {"negated_scores": True}),
    "ties": (8, {}, {"levels": 12}),
    "gallery's own": (9, {}, {"symmetric": False, "gallery_has_its_own": True}),
}


def distances(seed, symmetric=True, negated_scores=False, levels=None, gallery_has_its_own=False):
    """Random float32 tables by the names that `rerank` has for them: 10 identities, whose pairs score higher by 12.

    Args:
        seed: int.
        symmetric: bool. Whether both directions of a pair have one score.
        negated_scores: bool. Whether the distances are negated scores, as in the official evaluator's last commits, or
            1 - sigmoid(score / 10), as in all tags.
        levels: int or None. Of how many values the distances are.
        gallery_has_its_own: bool. Whether there is a table `gallery_query`.
    """
    random = np.random.default_rng([31, seed])
    images = NUM_QUERY + NUM_GALLERY
    identities = random.integers(10, size=images)
    scores = random.normal(-8, 8, size=(images, images)) + 12 * (identities[:, None] == identities)
    scores[np.diag_indices(images)] = random.uniform(35, 45, size=images)
    if symmetric:
        scores = np.where(np.triu(np.ones_like(scores, bool)), scores, scores.T)
    table = -scores if negated_scores else 1 - 1 / (1 + np.exp(-scores / 10))
    if levels:
        table = np.ceil(table * levels) / levels
    table = table.astype(np.float32)
    tables = {
        "query_gallery": table[:NUM_QUERY, NUM_QUERY:],
        "query_query": table[:NUM_QUERY, :NUM_QUERY],
        "gallery_gallery": table[NUM_QUERY:, NUM_QUERY:],
    }
    return tables | ({"gallery_query": table[NUM_QUERY:, :NUM_QUERY]} if gallery_has_its_own else {})
