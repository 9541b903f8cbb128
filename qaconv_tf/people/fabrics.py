"""Fabrics: colours, weaves and prints as functions of where on the cloth one looks, and the folds that cloth throws."""

import dataclasses
import functools

import numpy as np

from qaconv_tf.people.compiled import compiled
from qaconv_tf.people.streams import stream

SIZE = 256


@functools.cache
def noise_fields():
    """Noise that wraps at its edges, mean 0, deviation 1, a dict of kind -> float32 `(SIZE, SIZE)`."""
    random = stream("fabrics", 0)
    down, across = np.meshgrid(np.fft.fftfreq(SIZE) * SIZE, np.fft.fftfreq(SIZE) * SIZE, indexing="ij")

    def field(stretch_across, stretch_down, low, power):
        frequency = np.hypot(across * stretch_across, down * stretch_down)
        spectrum = np.fft.fft2(random.normal(size=(SIZE, SIZE))) / (low**power + frequency**power)
        spectrum[0, 0] = 0
        values = np.fft.ifft2(spectrum).real
        return ((values - values.mean()) / values.std()).astype(np.float32)

    return {
        "grain": field(1, 1, 60, 1.0),
        "fleck": field(1, 1, 22, 2.5),
        "blotch": field(1, 1, 5, 3.0),
        "cloud": field(1, 1, 1.5, 2.2),
        "hanging": field(1.0, 4.5, 5, 3.6),
        "across": field(3.6, 1.0, 6, 3.4),
        "crumple": field(1.2, 1.0, 5, 3.0),
        "strand": field(1.0, 14.0, 30, 2.0),
    }


def noise(random, kind, shape):
    """A piece of a noise field, shifted at random and brought to `shape`; wraps across, and down if of full height."""
    rows, columns = (
        (np.arange(count) * SIZE // count + first) % SIZE
        for count, first in zip(shape, random.integers(SIZE, size=2), strict=True)
    )
    return noise_fields()[kind][rows[:, None], columns[:: random.choice([-1, 1])]]


@dataclasses.dataclass(frozen=True)
class Fabric:
    """What a garment is made of.

    Args:
        pattern: str. A key of `PATTERNS`.
        colours: tuple of 3 colours, each a tuple of 3 floats in [0, 1] (sRGB). Ground, second and third.
        period: float. Metres from one stripe, check or dot to the next.
        share: float in [0, 1]. How much of the period the second colour takes.
        weave: str. "smooth", "heather", "denim" or "knit".
        worn: float. Fading and stains: 0 is new.
        folds: float. Metres that folds stand out.
        specular: float. As of `Material`.
    """

    pattern: str
    colours: tuple
    period: float
    share: float
    weave: str
    worn: float
    folds: float
    specular: float


def paint_fabric(fabric, random, shape, size):
    """Paints a piece of cloth.

    Args:
        fabric: `Fabric`.
        random: `numpy.random.Generator`. Places flecks, flowers and stains.
        shape: (rows, columns). Pixels.
        size: (height, width). Metres that the pixels show; the width wraps, its middle is the body's front.

    Returns:
        float32 array `(rows, columns, 3)` in [0, 1], sRGB.
    """
    rows, columns = shape
    height, width = size
    down = ((np.arange(rows, dtype=np.float32) + 0.5) / rows * height)[:, None]
    aside = (((np.arange(columns, dtype=np.float32) + 0.5) / columns - 0.5) * width)[None]
    # A whole number of periods goes around.
    around = width / max(round(width / fabric.period), 1)
    colours = np.asarray(fabric.colours, np.float32)
    cloth = np.empty((rows, columns, 3), np.float32)
    cloth[:] = colours[0]
    PATTERNS[fabric.pattern](cloth, colours, down, aside, around, fabric, random)
    return _wear(_weave(cloth, fabric, random), fabric, random)


def lay(cloth, share, colour):
    """Lays a colour over the cloth, in place, where `share` (mask or opacity, broadcast to rows and columns) says."""
    _lay(cloth, np.atleast_2d(np.asarray(share, np.float32)), np.asarray(colour, np.float32))


@compiled
def _lay(cloth, share, colour):
    rows, columns, _ = cloth.shape
    down, across = share.shape
    for row in range(rows):
        for column in range(columns):
            here = share[row if down > 1 else 0, column if across > 1 else 0]
            if here != 0:
                for channel in range(3):
                    cloth[row, column, channel] += here * (colour[channel] - cloth[row, column, channel])


def _soft(values, width):
    """0 below, 1 above zero, with an edge `width` wide, so that thin lines do not flicker."""
    return np.clip(values / width + 0.5, 0, 1)


def _stripe(place, period, share):
    """1 on stripes that take `share` of each period, with soft edges."""
    phase = np.abs((place / period) % 1 - 0.5) * 2
    return _soft(share - phase, 0.012 / period)


def _plain(cloth, colours, down, aside, around, fabric, random):
    pass


def _stripes(cloth, colours, down, aside, around, fabric, random):
    lay(cloth, _stripe(down, fabric.period, fabric.share), colours[1])


def _wide_stripes(cloth, colours, down, aside, around, fabric, random):
    lay(cloth, _stripe(down, 2.5 * fabric.period, 0.6), colours[1])
    lay(cloth, _stripe(down + fabric.period, 5 * fabric.period, 0.15), colours[2])


def _pinstripes(cloth, colours, down, aside, around, fabric, random):
    narrow = around / 2
    lay(cloth, _stripe(aside, narrow, 0.22), colours[1])


def _checks(cloth, colours, down, aside, around, fabric, random):
    lay(cloth, 0.5 * _stripe(down, around, 0.5) + 0.5 * _stripe(aside, around, 0.5), colours[1])


def _plaid(cloth, colours, down, aside, around, fabric, random):
    across, along = _stripe(down, 1.6 * around, 0.55), _stripe(aside, 2 * around, 0.55)
    lay(cloth, 0.5 * across + 0.45 * along, colours[1])
    lay(cloth, 0.6 * np.maximum(_stripe(down, 1.6 * around, 0.1), _stripe(aside + around, 2 * around, 0.1)), colours[2])


def _dots(cloth, colours, down, aside, around, fabric, random):
    row = np.floor(down / around)
    x = ((aside / around + 0.5 * (row % 2)) % 1 - 0.5) * around
    y = (down / around) % 1 * around - 0.5 * around
    lay(cloth, _soft(0.16 * around * (1 + fabric.share) - np.hypot(x, y), 0.005), colours[1])


def _flowers(cloth, colours, down, aside, around, fabric, random):
    shape = cloth.shape[:2]
    one, two = noise(random, "blotch", shape), noise(random, "blotch", shape)
    lay(cloth, _soft(one - 0.75, 0.3), colours[1])
    lay(cloth, _soft(two - 1.1, 0.3), colours[2])


def _camouflage(cloth, colours, down, aside, around, fabric, random):
    shape = cloth.shape[:2]
    lay(cloth, _soft(noise(random, "blotch", shape), 0.15), 0.65 * colours[0])
    lay(cloth, _soft(noise(random, "blotch", shape) - 0.5, 0.15), 0.5 * colours[0] + 0.5 * np.float32(0.55))
    lay(cloth, _soft(noise(random, "blotch", shape) - 1.1, 0.15), 0.3 * colours[0])


def _blocks(cloth, colours, down, aside, around, fabric, random):
    height = float(down[-1, 0])
    edge = (0.25 + 0.45 * fabric.share) * height
    lay(cloth, _soft(down - edge, 0.008), colours[1])
    if fabric.share > 0.5:
        lay(cloth, _soft(0.025 - np.abs(down - edge), 0.006), colours[2])


def _band(cloth, colours, down, aside, around, fabric, random):
    middle, half = (0.28 + 0.2 * fabric.share) * float(down[-1, 0]), 0.25 * fabric.period + 0.025
    lay(cloth, _soft(half - np.abs(down - middle), 0.006), colours[1])
    if fabric.share > 0.4:
        lay(cloth, _soft(0.3 * half - np.abs(down - middle), 0.006), colours[2])


def _sides(cloth, colours, down, aside, around, fabric, random):
    quarter = float(-aside[0, 0]) / 2
    lay(cloth, _soft(0.02 + 0.1 * fabric.share * quarter * 2 - np.abs(np.abs(aside) - quarter), 0.006), colours[1])


def _fade(cloth, colours, down, aside, around, fabric, random):
    lay(cloth, np.clip((down / float(down[-1, 0]) - 0.2) / 0.7, 0, 1) ** 1.2, colours[1])


def _dyed(cloth, colours, down, aside, around, fabric, random):
    lay(cloth, np.clip(0.5 + 0.5 * noise(random, "cloud", cloth.shape[:2]), 0, 1), colours[1])


PATTERNS = {
    "plain": _plain,
    "stripes": _stripes,
    "wide stripes": _wide_stripes,
    "pinstripes": _pinstripes,
    "checks": _checks,
    "plaid": _plaid,
    "dots": _dots,
    "flowers": _flowers,
    "camouflage": _camouflage,
    "blocks": _blocks,
    "band": _band,
    "sides": _sides,
    "fade": _fade,
    "dyed": _dyed,
}


def _weave(cloth, fabric, random):
    shape = cloth.shape[:2]
    amount = {"smooth": 0.025, "heather": 0.07, "denim": 0.06, "knit": 0.05}[fabric.weave]
    cloth = cloth * (1 + amount * noise(random, "grain", shape))[..., None]
    if fabric.weave == "heather":
        cloth = cloth * (1 + 0.035 * noise(random, "fleck", shape))[..., None]
    return cloth


def _wear(cloth, fabric, random):
    """Fading in clouds and, when much worn, stains."""
    shape = cloth.shape[:2]
    cloth = cloth * (1 + (0.02 + 0.05 * fabric.worn) * noise(random, "cloud", shape))[..., None]
    if fabric.worn > 0.6:
        cloth = cloth * (1 - 0.25 * (fabric.worn - 0.6) * _soft(noise(random, "blotch", shape) - 1.4, 0.8))[..., None]
    return np.clip(cloth, 0.015, 0.97)


def fold_heights(random, shape, hanging, across, crumple):
    """The height of folds of amplitude 1.

    Args:
        random: `numpy.random.Generator`.
        shape: (rows, columns).
        hanging: float or array that broadcasts to `shape`. How much of folds that run down.
        across: the same, of folds that run around: above cuffs, at waist and knees.
        crumple: the same, of irregular ones.

    Returns:
        float32 array of `shape`.
    """
    heights = np.zeros(shape, np.float32)
    for kind, amount in (("hanging", hanging), ("across", across), ("crumple", crumple)):
        field = noise(random, kind, shape)
        # Folds have rounded backs and sharp valleys.
        heights += amount * (0.8 - np.abs(field) + 0.35 * field)
    return heights.astype(np.float32)
