"""Inputs and weights that the golden scripts and the tests make alike: NumPy only, each a function of its name."""

import zlib

import numpy as np


def images(height, width):
    """Two random RGB images in [0, 1], `(2, height, width, 3)`."""
    return np.random.default_rng(7).uniform(size=(2, height, width, 3)).astype(np.float32)


def pictures(number, height, width):
    """Random RGB images in [0, 1] that differ in the large as in the small, `(number, height, width, 3)`."""
    random = np.random.default_rng([7, number, height, width])
    blocks = random.uniform(size=(number, height // 32, width // 32, 3)).repeat(32, axis=1).repeat(32, axis=2)
    return (0.7 * blocks + 0.3 * random.uniform(size=blocks.shape)).astype(np.float32)


def tensor(name, shape):
    """A random tensor for one name of a torch state dict, such that activations stay of moderate size."""
    random = np.random.default_rng([7, zlib.crc32(name.encode())])
    if len(shape) == 4:
        return random.normal(scale=np.sqrt(2.0 / np.prod(shape[1:])), size=shape).astype(np.float32)
    if name.endswith(("weight", "running_var")):
        return random.uniform(0.5, 1.5, size=shape).astype(np.float32)
    return random.normal(scale=0.1, size=shape).astype(np.float32)


def sample(maps):
    """Two dozen numbers from anywhere in the maps."""
    flat = maps.reshape(-1)
    return flat[np.random.default_rng(7).integers(flat.size, size=24)]
