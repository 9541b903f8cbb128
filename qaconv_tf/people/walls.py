"""Textures of walls and of what is built into them: windows, doors, shops."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from qaconv_tf.people.grounds import mottle, to_texture
from qaconv_tf.people.mesh import Material
from qaconv_tf.people.noise import cells, fractal, joints

_SIZE = 512


def draw_wall(random, kind):
    """Draws the texture of a wall.

    Args:
        random: `numpy.random.Generator`.
        kind: str. A key of `WALLS`.

    Returns:
        Tuple of `Material` and the metres that its texture covers along an edge. Those of facades begin at the
        ground: their lowest row is the foot of the wall.
    """
    colour, bump, specular, metres = WALLS[kind](random)
    # Rain and splashes darken every wall towards its foot and under its edges.
    if metres >= 3:
        dirt = fractal(random, _SIZE, 1.3, 6.0)
        foot = np.linspace(0, 1, _SIZE, dtype=np.float32)[:, None] ** 6
        colour = colour * np.exp(-0.05 * np.maximum(dirt, 0) - (0.25 + 0.1 * dirt) * foot)[..., None]
    return Material(to_texture(colour), bump, specular, False), metres


def tint_of(random, lightness, strength):
    """Draws a colour of 0 to 255 with a given lightness and a cast of some strength."""
    return lightness * np.exp(random.normal(0, strength, 3) * (1.0, 0.5, 1.0))


def _brick(random, rows=32):
    joint, row, column = joints(rows, rows // 3 // 2 * 2, _SIZE, 1.9, 0.5)
    base = np.array([[150, 84, 66], [176, 142, 104], [120, 74, 62], [172, 160, 146]][int(random.integers(4))])
    colour = mottle(random, base * random.uniform(0.8, 1.1), _SIZE, 0.06, 0.06)
    shade = random.normal(0, 0.12, (rows, rows)).astype(np.float32)
    colour *= np.exp(shade[row, column])[..., None]
    colour += (np.array([178, 170, 158]) * random.uniform(0.7, 1.0) - colour) * joint[..., None] * 0.8
    return colour, (-0.004 * joint + 0.0008 * fractal(random, _SIZE, 0.5)).astype(np.float32), 0.03, 2.4


def _plaster(random):
    colour = mottle(random, tint_of(random, random.uniform(120, 215), 0.12), _SIZE, 0.03, 0.05)
    return colour, (0.0008 * fractal(random, _SIZE, 0.6)).astype(np.float32), 0.03, 5.0


def _panels(random):
    rows, columns = int(random.choice([2, 4, 5])), int(random.choice([2, 4, 6]))
    joint, row, column = joints(rows, columns, _SIZE, 4.0)
    colour = mottle(random, tint_of(random, random.uniform(95, 200), 0.1), _SIZE, 0.025, 0.05)
    colour *= np.exp(random.normal(0, 0.035, (rows, columns)))[row, column][..., None] * (1 - 0.5 * joint)[..., None]
    return colour, (-0.008 * joint).astype(np.float32), 0.08, 5.0


def _cladding(random):
    rows = int(random.choice([20, 32, 48]))
    along = (np.arange(_SIZE) + 0.5) * rows / _SIZE % 1
    ridge = np.minimum(along, 1 - along) * 2
    colour = mottle(random, tint_of(random, random.uniform(80, 190), 0.2), _SIZE, 0.02, 0.05)
    colour *= (0.75 + 0.25 * np.minimum(ridge * 5, 1))[None, :, None]
    return colour, np.tile(0.02 * ridge.astype(np.float32), (_SIZE, 1)), 0.15, 4.0


def _wall_tiles(random):
    rows = int(random.choice([16, 20, 28]))
    joint, row, column = joints(
        rows, rows // 2 if random.random() < 0.5 else rows, _SIZE, 1.8, 0.5 * (random.random() < 0.4)
    )
    colour = mottle(random, tint_of(random, random.uniform(130, 225), 0.1), _SIZE, 0.02, 0.04)
    colour *= np.exp(random.normal(0, 0.035, (rows, rows)))[row, column][..., None] * (1 - 0.35 * joint)[..., None]
    if random.random() < 0.6:
        band = int(random.integers(rows // 2, rows - 3))
        colour[(row >= band) & (row < band + 2)] *= tint_of(random, 0.6, 0.4)
    return colour, (-0.002 * joint).astype(np.float32), 0.2, 3.0


def _glass(random, height, width):
    """A pane that mirrors: sky above, dark shapes of what stands opposite below, a dim room behind."""
    down = np.linspace(0, 1, height)[:, None]
    sky, street = random.uniform(95, 190), random.uniform(30, 70)
    corners = np.linspace(0, width, int(random.integers(3, 7)))
    skyline = np.interp(np.arange(width), corners, random.uniform(0.1, 0.65, len(corners)))
    bright = 1 / (1 + np.exp((down - skyline) * random.uniform(6, 30)))
    mirrored = street * (0.8 + 0.5 * down) + (sky * (1.05 - 0.4 * down) - street) * bright
    colour = mirrored[..., None] * np.array([0.93, 1.0, 1.08])
    colour *= np.exp(0.04 * random.standard_normal((height, width)))[..., None]
    if random.random() < 0.35:  # blind or curtain
        drawn = colour[: int(height * random.uniform(0.2, 0.9))]
        drawn[:] = 0.5 * drawn + tint_of(random, 70, 0.1)
    return colour


def _framed(random, colour, top, left, bottom, right, frame, panes=1):
    """Sets a window or a glass door into a wall's colours."""
    colour[top:bottom, left:right] = frame
    colour[top : top + 3, left:right] *= 0.55  # the lintel's shade
    edge, width = 5, (right - left) // panes
    for pane in range(panes):
        inner = (
            slice(top + edge, bottom - edge),
            slice(left + pane * width + edge, left + (pane + 1) * width - edge // 2),
        )
        height, across = inner[0].stop - inner[0].start, inner[1].stop - inner[1].start
        if height > 4 and across > 4:
            colour[inner] = _glass(random, height, across)
            colour[inner[0].start : inner[0].start + 6, inner[1]] *= 0.6
    colour[bottom : bottom + 4, max(left - 3, 0) : right + 3] *= 1.2  # the sill catches light
    colour[bottom + 4 : bottom + 12, left:right] *= 0.86  # and its dirt runs down


def _facade(random):
    colour = (_brick(random, rows=80) if random.random() < 0.5 else _plaster(random))[0]
    frame = tint_of(random, random.choice([50.0, 90.0, 215.0]), 0.15)
    count = int(random.integers(2, 4))
    width = _SIZE // count
    for number in range(count):
        left = number * width + int(width * 0.2)
        right = number * width + int(width * 0.8)
        _framed(random, colour, 25, left, 190, right, frame, int(random.integers(1, 3)))
        if number == 0 and random.random() < 0.7:
            door = tint_of(random, random.uniform(45, 130), 0.35)
            colour[270:505, left:right] = 0.75 * frame
            colour[280:505, left + 8 : right - 8] = (
                door * np.exp(0.04 * fractal(random, _SIZE, 1.0))[:225, : right - left - 16, None]
            )
            colour[300:380, left + 20 : right - 20] = _glass(random, 80, right - left - 40)
            colour[392:404, right - 24 : right - 18] = 200
        else:
            _framed(random, colour, 265, left, 430, right, frame, int(random.integers(1, 3)))
    colour[488:] *= 0.72  # plinth
    return colour, None, 0.06, 6.0


def _windows(random):
    colour = mottle(random, tint_of(random, random.uniform(70, 160), 0.12), _SIZE, 0.02, 0.04)
    rows, columns = int(random.integers(2, 4)), int(random.integers(3, 6))
    frame = tint_of(random, random.uniform(40, 120), 0.1)
    for row in range(rows):
        for column in range(columns):
            box = (
                row * _SIZE // rows + 6,
                column * _SIZE // columns + 3,
                (row + 1) * _SIZE // rows - 14,
                (column + 1) * _SIZE // columns - 3,
            )
            _framed(random, colour, *box, frame)
    return colour, None, 0.25, 6.0


def _picture(random, width, height):
    """A poster or a window display: blocks, discs and lines of loud colours."""
    image = Image.new("RGB", (width, height), tuple(int(v) for v in random.uniform(20, 245, 3)))
    draw = ImageDraw.Draw(image)
    for _ in range(int(random.integers(6, 22))):
        x, y = random.uniform(-0.1, 1, 2) * (width, height)
        reach = np.array([x, y]) + random.uniform(0.05, 0.6, 2) * (width, height)
        fill = tuple(int(v) for v in np.clip(tint_of(random, random.uniform(30, 220), 0.5), 0, 255))
        shape = draw.ellipse if random.random() < 0.3 else draw.rectangle
        shape((x, y, *reach), fill=fill)
    for row in range(int(random.integers(2, 6))):  # lines of print
        y, ink = random.uniform(0.05, 0.95) * height, (15, 15, 20) if random.random() < 0.5 else (240, 240, 235)
        draw.rectangle((0.1 * width, y, random.uniform(0.4, 0.95) * width, y + random.uniform(1.5, 6 + row)), fill=ink)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(0.9)), np.float32)


def _shop(random):
    colour = mottle(random, tint_of(random, random.uniform(60, 170), 0.2), _SIZE, 0.03, 0.05)
    sign = tint_of(random, random.uniform(50, 190), 0.6)
    colour[150:215] = sign
    left = int(random.integers(20, 120))
    colour[166:200, left : left + int(random.integers(150, 350))] = 235 if sign.mean() < 130 else 30
    letters = random.random(_SIZE) < 0.35
    colour[166:200, letters] = sign
    for first in (0, 256):
        _framed(random, colour, 225, first + 10, 490, first + 246, tint_of(random, 60, 0.1))
        display = _picture(random, 210, 220)
        inside = colour[240:460, first + 22 : first + 232]
        inside += (display * random.uniform(0.5, 0.9) - inside) * 0.7
    for column in range(3):
        _framed(random, colour, 15, 20 + column * 170, 125, 140 + column * 170, tint_of(random, 120, 0.1))
    return colour, None, 0.15, 6.0


def _shutters(random):
    along = (np.arange(_SIZE) + 0.5) * 56 / _SIZE % 1
    slats = 0.8 + 0.2 * np.sin(np.pi * along)
    colour = mottle(random, tint_of(random, random.uniform(95, 190), 0.1), _SIZE, 0.03, 0.06) * slats[:, None, None]
    colour[:, :26] = colour[:, -26:] = tint_of(random, 90, 0.1)
    colour[:60] = tint_of(random, random.uniform(70, 170), 0.4)
    if random.random() < 0.5:  # scrawl
        scrawl = np.abs(fractal(random, _SIZE, 2.0)) < 0.05
        scrawl[:200] = False
        colour[scrawl] = tint_of(random, random.uniform(40, 200), 0.7)
    bump = np.tile((0.01 * np.sin(np.pi * along))[:, None], (1, _SIZE))
    return colour, bump.astype(np.float32), 0.12, 3.6


def _posters(random):
    colour, bump, specular, _ = _wall_tiles(random) if random.random() < 0.5 else _panels(random)
    for column in range(int(random.integers(2, 4))):
        width, height = int(random.integers(90, 140)), int(random.integers(150, 220))
        left, top = 25 + column * 165, int(random.integers(150, 210))
        colour[top - 5 : top + height + 5, left - 5 : left + width + 5] = tint_of(random, 60, 0.1)
        colour[top : top + height, left : left + width] = _picture(random, width, height)
    return colour, None, specular, 4.5


def _hedge(random):
    leaf = fractal(random, _SIZE, 0.5)
    base = np.array([random.uniform(42, 70), random.uniform(66, 98), random.uniform(24, 40)])
    colour = base * np.exp(0.45 * leaf + 0.15 * fractal(random, _SIZE, 1.2))[..., None]
    return colour, (0.02 * leaf).astype(np.float32), 0.02, 1.6


def _stone(random):
    rows = 8
    joint, row, column = joints(rows, 4, _SIZE, 4.0, 0.5)
    colour = mottle(random, tint_of(random, random.uniform(120, 185), 0.08), _SIZE, 0.08, 0.09)
    colour *= np.exp(0.07 * cells(random, rows, 4, _SIZE))[..., None] * (1 - 0.4 * joint)[..., None]
    return colour, (-0.008 * joint + 0.003 * fractal(random, _SIZE, 0.8)).astype(np.float32), 0.02, 3.0


WALLS = {
    "bricks": _brick,
    "plaster": _plaster,
    "panels": _panels,
    "cladding": _cladding,
    "tiles": _wall_tiles,
    "facade": _facade,
    "windows": _windows,
    "shop": _shop,
    "shutters": _shutters,
    "posters": _posters,
    "hedge": _hedge,
    "stone": _stone,
}
