"""Caps, beanies and brimmed hats, built on the net over the skull."""

import numpy as np

from qaconv_tf.people.cloth import solid_piece
from qaconv_tf.people.fabrics import lay, noise
from qaconv_tf.people.forms import grid
from qaconv_tf.people.scalp import ANGLES, COLUMNS, ROWS, on_head
from qaconv_tf.people.tailoring import textured
from qaconv_tf.people.template import nearest_skin

SHAPE = (64, 128)
RIM = {"beanie": "hat", "cap": "cap", "hat": "cap"}
# Height on the average head above which a hat presses hair down.
FLAT_ABOVE = 1.575


def make_hat(kind, colour, body, random):
    """Makes a hat.

    Args:
        kind: str. "none", "cap", "beanie" or "hat".
        colour: 3 floats in [0, 1].
        body: float32 array. Vertices and joints of `shape_body`.
        random: `numpy.random.Generator`. Paints.

    Returns:
        A list of `Piece`.
    """
    if kind == "none":
        return []
    place, outward, home = on_head(RIM[kind], body)
    up = np.linspace(0, 1, ROWS)[:, None]
    if kind == "beanie":
        thick = 0.014 + 0.009 * (up < 0.32) + random.uniform(0, 0.035) * np.clip(up - 0.5, 0, 1)
    else:
        thick = 0.012 + (0.012 if kind == "cap" else 0.026) * np.clip(1.6 * up, 0, 1) * (1 - 0.55 * up**4)
    shell = place + (thick * np.ones((ROWS, COLUMNS)))[..., None] * outward
    material = _material(kind, colour, random)
    inner = place[:1] + 0.002 * outward[:1]
    pieces = [_on_head(np.concatenate([inner, shell]), np.concatenate([home[:1], home]), material, closed=True)]
    if kind == "cap":
        front = np.flatnonzero(np.abs(ANGLES) < 1.15)
        reach = 0.075 * np.cos(ANGLES[front] * np.pi / 2.4) ** 0.5
        pieces.append(
            _brim(shell[0, front], home[0, front], reach, ANGLES[front] * 0.55, -0.28, material, closed=False)
        )
    if kind == "hat":
        reach = np.full(COLUMNS, random.uniform(0.05, 0.085))
        pieces.append(_brim(shell[0], home[0], reach, ANGLES, -0.18, material, closed=True))
    return pieces


def _brim(rim, home, reach, angles, fall, material, closed):
    steps = np.linspace(0, 1, 4)[:, None]
    flat = np.stack([np.sin(angles), np.full(len(angles), fall), np.cos(angles)], axis=-1)
    rings = rim[None] + (steps * reach)[..., None] * flat[None]
    return _on_head(rings, np.broadcast_to(home, rings.shape), material, closed)


def _on_head(rings, home, material, closed):
    return solid_piece(grid(rings, closed), material, "head", "head", nearest_skin(home.reshape(-1, 3)))


def _material(kind, colour, random):
    colours = np.empty((*SHAPE, 3), np.float32)
    colours[:] = colour
    colours *= (1 + 0.05 * noise(random, "grain", SHAPE))[..., None]
    up = (np.arange(SHAPE[0])[:, None] + 0.5) / SHAPE[0]
    bump = 0.0006 * noise(random, "grain", SHAPE)
    if kind == "beanie":
        bump = bump + 0.0015 * np.sin(2 * np.pi * 32 * (np.arange(SHAPE[1]) + 0.5) / SHAPE[1])[None]
        if random.random() < 0.3:
            lay(colours, ((up * 6) % 1 < 0.5).astype(np.float32), random.uniform(0.05, 0.9, 3))
        lay(colours, 0.3 * np.clip(1.5 - np.abs(up - 0.34) / 0.02, 0, 1), (0, 0, 0))
    elif kind == "cap":
        seam = np.abs((np.arange(SHAPE[1])[None] / SHAPE[1] * 6) % 1 - 0.5)
        lay(colours, 0.3 * (seam > 0.47), (0, 0, 0))
        if random.random() < 0.5:
            x, y = (np.arange(SHAPE[1])[None] + 0.5) / SHAPE[1] - 0.5, up - 0.36
            lay(colours, np.clip(1.4 - np.hypot(x / 0.05, y / 0.13) ** 4, 0, 1), random.uniform(0.05, 0.95, 3))
    else:
        lay(colours, ((up > 0.12) & (up < 0.28)).astype(np.float32), 0.4 * np.asarray(colour))
    return textured(colours, bump.astype(np.float32), 0.04)
