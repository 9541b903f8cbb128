"""Random streams: every drawn thing is a pure function of the network, the seed and what it is."""

import zlib

import numpy as np


def stream(network, seed, *keys):
    """Returns the random generator that belongs to one thing of one network.

    Args:
        network: str. The camera network: two networks never share a stream, so never a person either.
        seed: int, not negative. The data set's seed.
        *keys: str or int, not negative. What is drawn (`"person"`, `"camera"`) and its numbers.

    Returns:
        A `numpy.random.Generator`.

    Example:
        >>> from qaconv_tf.people.streams import stream
        >>> stream("campus", 0, "person", 7).random() == stream("campus", 0, "person", 7).random()
        True
    """
    words = (network, seed, *keys)
    return np.random.default_rng([zlib.crc32(word.encode()) if isinstance(word, str) else word for word in words])


def choose(random, weights):
    """Draws one key of `weights`, a dict of value -> weight (of any sum)."""
    values, shares = zip(*weights.items(), strict=True)
    reached = np.cumsum(shares)
    return values[int(np.searchsorted(reached, random.random() * reached[-1], side="right"))]
