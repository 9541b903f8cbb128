"""Textures of floors and grounds."""

import numpy as np

from qaconv_tf.people.mesh import Material
from qaconv_tf.people.noise import cells, fractal, joints

_SIZE = 512


def draw_ground(random, kind):
    """Draws the texture of a ground.

    Args:
        random: `numpy.random.Generator`.
        kind: str. A key of `GROUNDS`.

    Returns:
        Tuple of `Material` and the metres that its texture covers along an edge.
    """
    colour, bump, specular, metres = GROUNDS[kind](random)
    return Material(to_texture(colour), bump, specular, False), metres


def to_texture(colour):
    """Rounds colours of 0 to 255 to a texture."""
    return np.clip(colour + 0.5, 0, 255).astype(np.uint8)


def mottle(random, colour, size, fine, coarse):
    """Spreads a colour, with fine grain and coarse patches as shares of it. Returns `(size, size, 3)` float32."""
    grain, patches = fractal(random, size, 0.4), fractal(random, size, 1.5)
    return np.asarray(colour, np.float32) * np.exp(fine * grain + coarse * patches)[..., None]


def _grey(random, low, high, cast=6.0):
    return random.uniform(low, high) + random.normal(0, cast, 3) * (1, 0.3, 1)


def _asphalt(random):
    base = _grey(random, 78, 128, 3)
    colour = mottle(random, base, _SIZE, 0.13, 0.07)
    stones = fractal(random, _SIZE, 0.1)
    colour[stones > 2.1] = np.minimum(base * 1.6, 225)
    cracks = np.abs(fractal(random, _SIZE, 1.7)) < 0.012
    colour[cracks] *= 0.62
    patch = fractal(random, _SIZE, 2.6) > 1.1
    colour[patch] *= random.uniform(0.8, 0.95)
    return colour, (stones * 0.0012).astype(np.float32), 0.03, random.uniform(3.0, 4.2)


def _slabs(random, rows=None, base=None, shift=None, metres=3.2):
    rows = rows or int(random.choice([4, 6, 8]))
    columns = max(2, round(rows * random.choice([0.5, 1.0, 1.0])))
    joint, row, column = joints(rows, columns, _SIZE, 3.2, random.choice([0.0, 0.5]) if shift is None else shift)
    base = (
        base
        if base is not None
        else random.uniform(120, 190) * np.array([1.0, random.uniform(0.93, 1), random.uniform(0.8, 1)])
    )
    colour = mottle(random, base, _SIZE, 0.045, 0.05)
    shade = random.normal(0, random.uniform(0.02, 0.075), (rows, columns)).astype(np.float32)
    colour *= np.exp(shade[row, column])[..., None]
    colour *= (1 - joint * random.uniform(0.25, 0.5))[..., None]
    spots = fractal(random, _SIZE, 0.9) > 2.9  # chewing gum
    colour[spots] *= 0.72
    height = -0.004 * joint + 0.0006 * fractal(random, _SIZE, 0.6) + 0.001 * shade[row, column]
    return colour, height.astype(np.float32), 0.05, metres


def _bricks(random):
    red = random.random() < 0.65
    base = np.array([150, 96, 78] if red else [142, 132, 120]) * random.uniform(0.75, 1.1)
    rows = 24
    joint, row, column = joints(rows, rows // 2, _SIZE, 2.2, 0.5)
    colour = mottle(random, base, _SIZE, 0.07, 0.06)
    shade = random.normal(0, 0.11, (rows, rows // 2)).astype(np.float32)
    colour *= np.exp(shade[row, column])[..., None]
    sand = np.array([150, 138, 118])
    colour += (sand * random.uniform(0.45, 0.8) - colour) * joint[..., None]
    height = -0.003 * joint + 0.0008 * fractal(random, _SIZE, 0.5)
    return colour, height.astype(np.float32), 0.03, 2.4


def _grass(random):
    base = np.array([random.uniform(72, 105), random.uniform(92, 125), random.uniform(42, 60)])
    blades = fractal(random, _SIZE, 0.35, 0.45)
    patches, bare = fractal(random, _SIZE, 1.4), fractal(random, _SIZE, 1.2)
    colour = base * np.exp(0.27 * blades + 0.15 * patches)[..., None]
    dry = np.clip(0.4 + 0.5 * bare, 0, 1)[..., None] * random.uniform(0.2, 0.6)
    colour += (np.array([138, 126, 76]) * np.exp(0.2 * blades)[..., None] - colour) * dry
    colour[fractal(random, _SIZE, 0.2) > 3.3] = (215, 210, 180)  # daisies
    return colour, (0.006 * blades).astype(np.float32), 0.0, 2.6


def _concrete(random):
    colour = mottle(random, _grey(random, 135, 185, 5), _SIZE, 0.04, 0.07)
    joint, _, _ = joints(2, 2, _SIZE, 3.0)
    colour *= (1 - 0.35 * joint)[..., None]
    colour *= np.exp(-0.1 * np.maximum(fractal(random, _SIZE, 2.2), 0))[..., None]
    return colour, (-0.004 * joint + 0.0005 * fractal(random, _SIZE, 0.5)).astype(np.float32), 0.05, 4.5


def _gravel(random):
    base = np.array([172, 158, 134]) * random.uniform(0.8, 1.05)
    stones = fractal(random, _SIZE, 0.25)
    colour = base * np.exp(0.2 * stones + 0.07 * fractal(random, _SIZE, 1.5))[..., None]
    return colour, (0.003 * stones).astype(np.float32), 0.0, 2.2


def _tiles(random):
    rows = int(random.choice([4, 6, 10]))
    base = random.uniform(150, 215) * np.array([1.0, random.uniform(0.95, 1.0), random.uniform(0.86, 1.0)])
    colour, height, _, _ = _slabs(random, rows, base, 0.0)
    if random.random() < 0.35:
        _, row, column = joints(rows, rows, _SIZE, 1.0)
        colour[(row + column) % 2 == 0] *= random.uniform(0.55, 0.85)
    return colour, 0.4 * height, 0.16, 3.2


def _terrazzo(random):
    colour = mottle(random, _grey(random, 150, 205, 7), _SIZE, 0.02, 0.04)
    for _ in range(3):
        chips = fractal(random, _SIZE, 0.55) > random.uniform(1.4, 2.0)
        colour[chips] = _grey(random, 70, 225, 14)
    joint, _, _ = joints(2, 2, _SIZE, 2.0)
    colour *= (1 - 0.3 * joint)[..., None]
    return colour, None, 0.18, 2.6


def _boards(random):
    rows = 16
    joint, row, column = joints(rows, 2, _SIZE, 2.6, 0.37)
    base = np.array([150, 112, 78]) * random.uniform(0.6, 1.15)
    shade = random.normal(0, 0.12, (rows, 2)).astype(np.float32)
    grain = fractal(random, _SIZE, 0.9, 14.0)
    colour = base * np.exp(0.1 * grain + 0.05 * fractal(random, _SIZE, 1.4) + shade[row, column])[..., None]
    colour *= (1 - 0.6 * joint)[..., None]
    return colour, (-0.004 * joint + 0.0004 * grain).astype(np.float32), 0.08, 2.2


def _strips(random):
    base = _grey(random, 110, 170, 5)
    colour = mottle(random, base, _SIZE, 0.04, 0.05)
    joint, row, _ = joints(8, 4, _SIZE, 2.5, 0.5)
    colour *= (1 - 0.35 * joint)[..., None]
    colour[row == 5] *= random.uniform(0.6, 0.8)
    return colour, (-0.003 * joint).astype(np.float32), 0.08, 4.0


def _carpet(random):
    base = np.array([random.uniform(60, 130) for _ in range(3)])
    colour = mottle(random, base, _SIZE, 0.12, 0.05) * np.exp(0.05 * cells(random, 8, 8, _SIZE))[..., None]
    return colour, None, 0.0, 4.0


GROUNDS = {
    "asphalt": _asphalt,
    "slabs": _slabs,
    "bricks": _bricks,
    "grass": _grass,
    "concrete": _concrete,
    "gravel": _gravel,
    "tiles": _tiles,
    "terrazzo": _terrazzo,
    "boards": _boards,
    "strips": _strips,
    "carpet": _carpet,
}
