"""Textures as the shading loops read them: all materials of a mesh in one array each for colours and slopes."""

import functools
from typing import NamedTuple

import numpy as np

_SMALLEST = 4  # texels; smaller copies of a texture would show nothing
_MOST_LEVELS = 7


class Paints(NamedTuple):
    """The materials of a mesh, each as copies, every copy half the size of the one before.

    Args:
        colours: `(texels, 3)` uint8. sRGB, all copies of all materials, row after row.
        slopes: `(texels, 2)` float32. How the surface rises along u and v, metres per unit; `(1, 2)` where no material
            has bumps.
        places: `(materials, 2, levels, 3)` int32. Of each copy, of colours and of slopes: first texel, height, width.
        levels: `(materials, 2)` int32. How many copies there are; no slopes, 0.
        specular: `(materials,)` float32.
    """

    colours: np.ndarray
    slopes: np.ndarray
    places: np.ndarray
    levels: np.ndarray
    specular: np.ndarray


@functools.lru_cache(maxsize=48)
def pack_materials(materials):
    """Brings materials into the form of the shading loops.

    Args:
        materials: tuple of `Material`. The same tuple is packed once.

    Returns:
        `Paints`.
    """
    colours, slopes = [], [np.zeros((1, 2), np.float32)]
    places = np.zeros((len(materials), 2, _MOST_LEVELS, 3), np.int32)
    levels = np.zeros((len(materials), 2), np.int32)
    for number, material in enumerate(materials):
        levels[number, 0] = _append(_halved(material.texture), colours, places[number, 0])
        if material.bump is not None:
            levels[number, 1] = _append(_halved(_slope(material.bump)), slopes, places[number, 1])
    return Paints(
        colours=np.concatenate(colours),
        slopes=np.concatenate(slopes),
        places=places,
        levels=levels,
        specular=np.array([material.specular for material in materials], np.float32),
    )


def _append(copies, rows, places):
    """Appends copies to the flat `rows` and notes where each begins. Returns their number."""
    start = sum(len(row) for row in rows)
    for level, copy in enumerate(copies):
        places[level] = start, *copy.shape[:2]
        rows.append(copy.reshape(-1, copy.shape[2]))
        start += len(rows[-1])
    return len(copies)


def _halved(image):
    """An image and its copies of half, a quarter, ... the size, each pixel the mean of four."""
    copies = [image]
    while len(copies) < _MOST_LEVELS and min(copies[-1].shape[:2]) >= 2 * _SMALLEST:
        last = copies[-1][: copies[-1].shape[0] // 2 * 2, : copies[-1].shape[1] // 2 * 2]
        last = last.astype(np.uint16) if last.dtype == np.uint8 else last
        rows = last[0::2] + last[1::2]
        total = rows[:, 0::2] + rows[:, 1::2]
        copies.append(((total + 2) >> 2).astype(np.uint8) if image.dtype == np.uint8 else total * np.float32(0.25))
    return copies


def _slope(bump):
    """Central differences of heights that wrap, `(height, width, 2)`, metres per unit of u and of v."""
    height, width = bump.shape
    along_u = (np.roll(bump, -1, 1) - np.roll(bump, 1, 1)) * np.float32(width / 2)
    along_v = (np.roll(bump, -1, 0) - np.roll(bump, 1, 0)) * np.float32(height / 2)
    return np.stack([along_u, along_v], axis=-1).astype(np.float32)
