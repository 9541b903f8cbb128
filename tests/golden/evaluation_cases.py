"""Inputs that `make_evaluation.py` and its test make alike: scores, identities, cameras and times, by seed."""

from typing import NamedTuple

import numpy as np

SEED = 7


class Record(NamedTuple):
    """What evaluation asks of an image; the environment of the official code does not have the package."""

    identity: int
    camera: int
    timestamp: float = 0.0


def lifting_cases():
    """Name -> scores, query records, gallery records and options of temporal lifting."""
    # The shapes and distributions of the official module's own test.
    generator = np.random.default_rng([SEED, 0])
    gallery = _records(generator.integers(0, 5, 100), generator.integers(0, 20, 100))
    query = _records(generator.integers(0, 5, 50), generator.integers(0, 20, 50))
    cases = {"self test": (generator.normal(size=(50, 100)), query, gallery, {})}
    # Larger, in float32; in the second case most thresholds are tied and companions share their pivots.
    options = {"tau": 150.0, "sigma": 80.0, "top_k": 5, "alpha": 0.1}
    for number, (name, decimals) in enumerate((("larger", None), ("ties", 1)), start=1):
        generator = np.random.default_rng([SEED, number])
        query, gallery = (
            _records(generator.integers(0, 6, count), generator.integers(0, 50_000, count) / 25) for count in (200, 700)
        )
        scores = 1 / (1 + np.exp(3 - generator.normal(size=(200, 700)) - 2 * generator.normal(size=700)))
        scores = (scores if decimals is None else np.round(scores, decimals)).astype(np.float32)
        cases[name] = (scores, query, gallery, options)
    return cases


def _records(cameras, times):
    """The first images make sure that every camera up to the last has images, without which the official code ends."""
    cameras[: cameras.max() + 1] = np.arange(cameras.max() + 1)
    return [Record(0, camera, time) for camera, time in zip(cameras.tolist(), times.tolist(), strict=True)]


def ranking_cases():
    """Name -> scores, query records and gallery records; some queries have no answer."""
    cases = {}
    for number, (name, decimals) in enumerate((("no ties", None), ("ties", 0), ("few ties", 1))):
        generator = np.random.default_rng([SEED, 10 + number])
        query, gallery = (
            [Record(identity, camera) for identity, camera in generator.integers(0, (upper, 4), (count, 2)).tolist()]
            for upper, count in ((16, 30), (14, 160))
        )
        same = [[left.identity == right.identity for right in gallery] for left in query]
        scores = generator.normal(size=(30, 160)) + 1.5 * np.array(same)
        scores = scores if decimals is None else np.round(scores, decimals)
        cases[name] = (scores.astype(np.float32), query, gallery)
    return cases


def one_image_an_identity():
    """Scores, query and gallery in which a single-shot gallery can be drawn in one way only."""
    generator = np.random.default_rng([SEED, 20])
    identities = generator.permutation(60)
    gallery = [Record(identity, 1) for identity in identities.tolist()]
    query = [Record(identity, 0) for identity in identities[:20].tolist()]
    return generator.normal(size=(20, 60)).astype(np.float32), query, gallery


def sample(values):
    """Numbers from anywhere in an array."""
    flat = np.ravel(values)
    return flat[np.random.default_rng(SEED).integers(flat.size, size=150)]
