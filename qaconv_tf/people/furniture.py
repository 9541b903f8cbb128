"""Things that stand in a scene: posts, bins, benches, plants, signs, pillars, barriers and kiosks."""

import numpy as np
from PIL import Image, ImageDraw

from qaconv_tf.people.layer import Layer

# kind: (width, height) in metres
THINGS = {
    "post": (0.10, 1.1),
    "bin": (0.48, 0.9),
    "bench": (1.5, 0.8),
    "planter": (0.75, 0.85),
    "sign": (0.6, 2.4),
    "pillar": (0.5, 3.6),
    "barrier": (1.4, 0.95),
    "kiosk": (1.6, 2.3),
}
_HIDES_HEADS = ("pillar", "kiosk", "sign")  # the others are low or thin
_COLOURS = ((60, 62, 66), (120, 122, 124), (45, 70, 55), (150, 120, 80), (170, 60, 50), (60, 80, 130), (200, 180, 70))


def draw_thing(kind, random, ground, distance, light, near):
    """Draws one thing.

    Args:
        kind: str. A key of `THINGS`.
        random: `numpy.random.Generator`.
        ground: (column, row, pixels per metre) of the point it stands on.
        distance: float. Metres from the camera.
        light: `Light`. Shades its sides.
        near: bool. Whether people walk behind this place, so that nothing tall and wide may stand there.

    Returns:
        A `Layer`, or None where such a thing may not stand.
    """
    if near and kind in _HIDES_HEADS:
        return None
    column, row, scale = ground
    width, height = (max(int(size * scale * random.uniform(0.85, 1.15)), 4) for size in THINGS[kind])
    image = Image.new("RGBA", (width, height))
    base = np.asarray(_COLOURS[random.integers(len(_COLOURS))]) * random.uniform(0.7, 1.2)
    _DRAW[kind](ImageDraw.Draw(image), random, width, height, tuple(np.clip(base, 0, 255).astype(int).tolist()))
    pixels = np.asarray(image, np.float32) / 255
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :, None]
    shade = (1 + 0.35 * light.strength * np.sign(light.direction[0]) * across) * (1 - 0.3 * across**2)
    grain = 1 + random.normal(0, 0.04, (height, width, 1)).astype(np.float32)
    colour = pixels[..., :3] * shade * grain * pixels[..., 3:]
    return Layer(distance, round(row) - height, round(column) - width // 2, colour, pixels[..., 3])


def _darker(colour, factor):
    return tuple(int(value * factor) for value in colour)


def _box(draw, random, width, height, colour):
    draw.rectangle((0, 0, width, height), fill=colour)
    draw.rectangle((0, 0, width, max(height // 9, 1)), fill=_darker(colour, 0.7))


def _bin(draw, random, width, height, colour):
    draw.rounded_rectangle((0, 0, width - 1, height), radius=width // 5, fill=colour)
    draw.rectangle((width // 6, height // 8, width - width // 6, height // 4), fill=_darker(colour, 0.35))


def _bench(draw, random, width, height, colour):
    for top in (0.0, 0.18, 0.45, 0.55):
        draw.rectangle((0, top * height, width, (top + 0.1) * height), fill=colour)
    for left in (0.08, 0.86):
        draw.rectangle((left * width, 0, (left + 0.06) * width, height), fill=_darker(colour, 0.5))


def _planter(draw, random, width, height, colour):
    draw.rectangle((0.08 * width, 0.55 * height, 0.92 * width, height), fill=colour)
    for _ in range(40):
        x, y = random.uniform(0.05, 0.85) * width, random.uniform(0, 0.5) * height
        size, green = random.uniform(0.08, 0.2) * width, int(random.uniform(50, 130))
        draw.ellipse((x, y, x + size, y + size), fill=(green // 2, green, green // 3))


def _sign(draw, random, width, height, colour):
    draw.rectangle((0.46 * width, 0, 0.54 * width, height), fill=(90, 90, 92))
    draw.rectangle((0, 0, width, 0.25 * height), fill=colour)
    draw.rectangle((0.15 * width, 0.08 * height, 0.85 * width, 0.15 * height), fill=(225, 225, 220))


def _barrier(draw, random, width, height, colour):
    for left in (0.0, 0.94):
        draw.rectangle((left * width, 0, (left + 0.05) * width, height), fill=_darker(colour, 0.8))
    for top in (0.05, 0.5):
        draw.rectangle((0, top * height, width, (top + 0.1) * height), fill=colour)


def _kiosk(draw, random, width, height, colour):
    draw.rectangle((0, 0, width, height), fill=colour)
    draw.rectangle((0.1 * width, 0.2 * height, 0.9 * width, 0.55 * height), fill=(190, 200, 205))
    draw.rectangle((0, 0, width, 0.1 * height), fill=_darker(colour, 0.6))


_DRAW = {
    "post": _box,
    "bin": _bin,
    "bench": _bench,
    "planter": _planter,
    "sign": _sign,
    "pillar": _box,
    "barrier": _barrier,
    "kiosk": _kiosk,
}
