"""Faces: brows, lids, lips, hollows and cheeks, beard and hairline, painted on a head's texture."""

import numpy as np

from qaconv_tf.people.complexion import FACE_SPAN
from qaconv_tf.people.fabrics import lay, noise

SHAPE = (224, 224)
# Where hair begins: angle from the front, height on the average body.
HAIRLINE = np.array(
    [[0.0, 1.630], [0.45, 1.629], [0.75, 1.617], [0.95, 1.592], [1.12, 1.570], [1.28, 1.548], [1.42, 1.545],
     [1.58, 1.558], [1.75, 1.548], [1.90, 1.515], [2.10, 1.492], [2.5, 1.478], [np.pi, 1.474]]
).T  # fmt: skip
_EYE, _MOUTH, _NOSE = 1.5455, 1.4775, 1.5005  # heights
_EYE_ANGLE = 0.375


class _Canvas:
    """A head unrolled: `side` is the angle from the front's middle, `level` the height on the average body."""

    def __init__(self, random, tone):
        rows, columns = SHAPE
        self.side = np.abs(((np.arange(columns, dtype=np.float32) + 0.5) / columns - 0.5) * 2 * np.pi)
        share = (np.arange(rows, dtype=np.float32) + 0.5) / rows
        self.level = FACE_SPAN[0] + share * (FACE_SPAN[1] - FACE_SPAN[0])
        self.colours = np.empty((rows, columns, 3), np.float32)
        self.colours[:] = tone
        uneven = 1 + 0.018 * noise(random, "fleck", SHAPE) + 0.02 * noise(random, "blotch", SHAPE)
        self.colours *= uneven[..., None]

    def spot(self, strength, colour, side, level, wide, high, power=2):
        """Lays a colour in a soft spot on both sides of the face."""
        across = np.exp(-(np.abs((self.side - side) / wide) ** power))
        down = np.exp(-(np.abs((self.level - level) / high) ** power))
        lay(self.colours, strength * np.outer(down, across), colour)

    def grid(self):
        """`side` and `level`, ready to be broadcast."""
        return self.side[None], self.level[:, None]


def paint_face(random, person, scalp):
    """Paints a head.

    Args:
        random: `numpy.random.Generator`.
        person: `Person`. Gives skin, hair, beard, age, sex and make-up.
        scalp: float. How dense hair covers the skull: 0 is bald.

    Returns:
        float32 array of `SHAPE` and 3 colours in [0, 1].
    """
    tone, hair = np.asarray(person.skin, np.float32), np.asarray(person.hair, np.float32)
    canvas = _Canvas(random, tone)
    _hollows(canvas, tone, person.shape.age)
    _lips(canvas, tone, person.shape.female, person.makeup)
    _eyes(canvas, tone, hair, person.shape.female, person.makeup)
    if person.beard > 0:
        _beard(canvas, hair, person.beard, random)
    side, level = canvas.grid()
    covered = np.clip((level - np.interp(side, *HAIRLINE)) / 0.006, 0, 1)
    if person.hair_style == "thinning":
        covered = covered * np.clip((side - 1.1) / 0.3 + np.clip((1.60 - level) / 0.02, 0, 1), 0.15, 1)
    lay(canvas.colours, np.clip(scalp * covered * (0.92 + 0.1 * noise(random, "grain", SHAPE)), 0, 1), hair)
    if person.outfit.glasses != "none":
        _glasses(canvas, person.outfit.glasses)
    return np.clip(canvas.colours, 0.02, 0.97)


def _hollows(canvas, tone, age):
    """Cheeks, and the shade around the eyes, beside and below the nose, below lip and cheekbones; lines of age."""
    red, dark = tone * np.array([0.95, 0.64, 0.60], np.float32), 0.62 * tone
    canvas.spot(0.30, red, 0.62, 1.515, 0.28, 0.016)
    canvas.spot(0.25, red, 0.0, 1.508, 0.2, 0.012)
    canvas.spot(0.50, dark, 0.30, 1.553, 0.20, 0.009)
    canvas.spot(0.22 + 0.003 * max(age - 30, 0), dark, 0.36, 1.534, 0.16, 0.005)
    canvas.spot(0.30, dark, 0.22, 1.515, 0.07, 0.016)
    canvas.spot(0.65, 0.4 * tone, 0.08, _NOSE, 0.05, 0.003)
    canvas.spot(0.30, dark, 0.0, 1.4965, 0.10, 0.004)
    canvas.spot(0.28, dark, 0.0, 1.463, 0.2, 0.004)
    canvas.spot(0.15, dark, 0.85, 1.49, 0.3, 0.02)
    _, level = canvas.grid()
    lay(canvas.colours, 0.40 * np.clip((1.452 - level) / 0.02, 0, 1), 0.75 * tone)
    if age > 40:
        lines = 0.2 * min((age - 40) / 30, 1)
        for height in (1.585, 1.595, 1.606):
            canvas.spot(lines, dark, 0.0, height, 0.5, 0.0015, 4)
        canvas.spot(1.5 * lines, dark, 0.30, 1.49, 0.025, 0.010)


def _lips(canvas, tone, female, makeup):
    lips = tone * np.array([0.88, 0.58, 0.58] if female else [0.88, 0.68, 0.64], np.float32)
    lips = (1 - 0.6 * makeup) * lips + 0.6 * makeup * np.array([0.68, 0.12, 0.2], np.float32)
    lay(canvas.colours, 0.85 * np.clip(1.6 - 1.4 * _mouth(canvas, 0.26, 0.0095), 0, 1), lips)
    canvas.spot(0.75, 0.35 * lips, 0.0, _MOUTH + 0.001, 0.20, 0.0014, 4)


def _mouth(canvas, wide, high):
    side, level = canvas.grid()
    return (side / wide) ** 2 + ((level - _MOUTH) / high) ** 2


def _eyes(canvas, tone, hair, female, makeup):
    side, level = canvas.grid()
    brow = 1.5625 + 0.0045 * np.sin(np.clip((side - 0.12) / 0.45, 0, 1) * 2.6)
    inside = np.clip((side - 0.10) / 0.05, 0, 1) * np.clip((0.60 - side) / 0.15, 0, 1)
    thick = 0.0028 if female else 0.0042
    lay(canvas.colours, 0.85 * inside * np.exp(-(((level - brow) / thick) ** 2)), 0.75 * hair + 0.05 * tone)
    rim = np.abs(np.hypot((side - _EYE_ANGLE) / 0.165, (level - _EYE) / 0.0075) - 1)
    upper = np.clip((level - _EYE + 0.0045) / 0.004, 0.25, 1)
    lay(canvas.colours, (0.55 + 0.4 * makeup) * np.clip(1.3 - rim / 0.22, 0, 1) * upper, 0.16 * tone)


def _beard(canvas, hair, beard, random):
    """Chin, jaws and upper lip, without the mouth."""
    side, level = canvas.grid()
    jaw = np.clip((1.512 + 0.05 * np.clip(side - 0.55, 0, 0.8) - level) / 0.008, 0, 1)
    jaw = jaw * np.clip((1.55 - side) / 0.15, 0, 1) * (1 - np.clip(1.5 - 1.3 * _mouth(canvas, 0.24, 0.009), 0, 1))
    lip = np.clip((1.4955 - level) / 0.003, 0, 1) * (side < 0.4)
    jaw = np.clip(jaw * (np.clip((side - 0.32 + 40 * (1.4945 - level)) / 0.1, 0, 1) + lip), 0, 1)
    patches = np.clip(0.75 + 0.3 * noise(random, "fleck", SHAPE), 0, 1)
    lay(canvas.colours, np.clip(beard * jaw * patches, 0, 0.95), hair)


def _glasses(canvas, kind):
    side, level = canvas.grid()
    lens = np.maximum(np.abs((side - 0.385) / 0.26), np.abs((level - 1.5425) / 0.0155))
    bridge = (side < 0.16) & (np.abs(level - 1.549) < 0.002)
    temple = (side > 0.62) & (side < 1.5) & (np.abs(level - 1.549) < 0.0025)
    ink = (0.04, 0.04, 0.04)
    lay(canvas.colours, (bridge | temple).astype(np.float32), ink)
    lay(canvas.colours, np.clip(1.6 - np.abs(lens - 0.95) / 0.07, 0, 1) * (side > 0.1), ink)
    if kind == "dark":
        lay(canvas.colours, 0.94 * (lens < 1) * (side > 0.1), ink)
