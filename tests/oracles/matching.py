"""Query-adaptive convolution in plain NumPy loops, written from the paper's equations in float64."""

import numpy as np


def location_maxima(query_map, gallery_map):
    """Best response of each query location, then of each gallery location: `(2 * locations,)`."""
    query = np.asarray(query_map, np.float64).reshape(-1, query_map.shape[-1])
    gallery = np.asarray(gallery_map, np.float64).reshape(-1, gallery_map.shape[-1])
    best_of_query = [max(float(q @ g) for g in gallery) for q in query]
    best_of_gallery = [max(float(q @ g) for q in query) for g in gallery]
    return np.array(best_of_query + best_of_gallery)


def normalize(values, scale, offset, epsilon, moving=None):
    """BatchNorm of one channel: over the values themselves, or by `moving` (mean, variance)."""
    mean, variance = moving if moving is not None else (values.mean(), values.var())
    return scale * (values - mean) / np.sqrt(variance + epsilon) + offset


def score_pairs(query_maps, gallery_maps, weights, bias, norms, epsilon=1e-5, moving=(None, None)):
    """Scores `(num_query, num_gallery)`.

    `weights` is `(2 * locations,)`, `norms` two pairs (scale, offset), `moving` their two pairs (mean, variance) in
    evaluation or None in training.
    """
    maxima = np.array([[location_maxima(q, g) for g in gallery_maps] for q in query_maps])
    maxima = normalize(maxima, *norms[0], epsilon, moving[0])
    logits = np.zeros(maxima.shape[:2])
    for p in range(maxima.shape[0]):
        for g in range(maxima.shape[1]):
            logits[p, g] = sum(w * m for w, m in zip(weights, maxima[p, g], strict=True)) + bias
    return normalize(logits, *norms[1], epsilon, moving[1])


def numeric_gradient(function, array, directions, step=1e-6):
    """Central differences of a scalar function along each of the given directions."""
    array = np.asarray(array, np.float64)
    return np.array([(function(array + step * d) - function(array - step * d)) / (2 * step) for d in directions])
