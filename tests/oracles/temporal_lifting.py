"""Temporal lifting in plain loops, from its definition: for each pair the companions, their pivots, the mean weight."""

import math


def temporal_lifting(probabilities, query, gallery, tau, sigma, top_k, alpha, pivot="set", online=False):
    """Returns a list of rows."""
    return [
        [
            (weight_of(row, column, probabilities, query, gallery, tau, sigma, top_k, pivot, online) + alpha)
            * probabilities[row][column]
            for column in range(len(gallery))
        ]
        for row in range(len(query))
    ]


def known(record):
    return record.camera is not None and record.timestamp is not None


def weight_of(row, column, probabilities, query, gallery, tau, sigma, top_k, pivot, online):
    now, image = query[row], gallery[column]
    if not known(now) or not known(image):
        return 0.0
    companions = []
    for number, other in enumerate(query):
        if known(other) and other.camera == now.camera and abs(other.timestamp - now.timestamp) < tau:
            if not online or other.timestamp <= now.timestamp:
                companions.append(number)
    candidates = []
    for number, other in enumerate(gallery):
        if known(other) and other.camera == image.camera and (not online or other.timestamp <= now.timestamp):
            candidates.append(number)
    pairs = [(probabilities[companion][candidate], candidate) for companion in companions for candidate in candidates]
    if not pairs:
        return 0.0
    values = sorted((value for value, _ in pairs), reverse=True)
    threshold = values[min(top_k, len(values)) - 1]
    pivots = [candidate for value, candidate in pairs if value >= threshold]
    if pivot == "set":
        pivots = sorted(set(pivots))
    terms = [math.exp(-(((image.timestamp - gallery[place].timestamp) / sigma) ** 2)) for place in pivots]
    return sum(terms) / len(terms)
