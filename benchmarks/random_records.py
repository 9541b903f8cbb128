"""Records and scores like Market-1501's, at random: NumPy only, as the official code's interpreter has no more."""

from typing import NamedTuple

import numpy as np

# Market-1501: 751 people, 6 cameras, some three hours of each at 25 frames a second.
IDENTITIES, CAMERAS, SECONDS, FRAMES_PER_SECOND = 751, 6, 10_000, 25


class Record(NamedTuple):
    """What evaluation asks of an image."""

    identity: int
    camera: int
    timestamp: float


def add_options(parser):
    """Adds the sizes, and where the official code is."""
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--gallery", type=int, default=3000)
    parser.add_argument("--official", help="a checkout of the official QAConv, of v1.2 or later")
    parser.add_argument("--official_python", help="the interpreter that runs it, with torch and scikit-learn")


def make_inputs(options):
    """Returns probabilities `(queries, gallery)`, float32, and the records of both."""
    generator = np.random.default_rng(7)
    query, gallery = make_records(options, generator)
    (identities,) = columns(gallery, "identity")
    probabilities = generator.standard_normal((len(query), len(gallery)), np.float32)
    # Row by row: a peak here would hide what a variant needs.
    for row, record in zip(probabilities, query, strict=True):
        row[identities == record.identity] += 3
        row[:] = 1 / (1 + np.exp(4 - 1.5 * row))
    return probabilities, query, gallery


def make_records(options, generator=None):
    """Returns the records of both alone."""
    generator = generator or np.random.default_rng(7)
    return tuple(_records(generator, number) for number in (options.queries, options.gallery))


def _records(generator, number):
    frames = generator.integers(SECONDS * FRAMES_PER_SECOND, size=number)
    identities, cameras = generator.integers(IDENTITIES, size=number), generator.integers(CAMERAS, size=number)
    columns = identities.tolist(), cameras.tolist(), (frames / FRAMES_PER_SECOND).tolist()
    return [Record(*row) for row in zip(*columns, strict=True)]


def official_module(options, name):
    """Imports a module of the checkout, not by its package's `__init__`, which imports the whole evaluation."""
    import importlib
    import sys
    import types

    package = types.ModuleType("reid")
    package.__path__ = [f"{options.official}/reid"]
    sys.modules["reid"] = package
    return importlib.import_module(f"reid.{name}")


def columns(records, *names):
    """The records' fields as arrays."""
    return [np.array([getattr(record, name) for record in records]) for name in names]


def inputs_alone(options):
    make_inputs(options)
    return lambda: 0.0
