"""Shoes: a last from heel to toe around each foot, painted, and the shafts of boots."""

import numpy as np

from qaconv_tf.people.cloth import Piece, between, vertex_normals
from qaconv_tf.people.fabrics import lay, noise
from qaconv_tf.people.forms import closed_loft
from qaconv_tf.people.mesh import PARTS
from qaconv_tf.people.palette import SMALL, draw_colour
from qaconv_tf.people.sewing import tights_on
from qaconv_tf.people.tailoring import LEG_LENGTH, piece, textured
from qaconv_tf.people.template import LEGS, SIDES, nearest_skin, template

_COLUMNS = 16
# From heel to toe: share of the length, half width and height as shares of the foot's.
_SHARE = np.array([0.0, 0.03, 0.10, 0.22, 0.36, 0.50, 0.64, 0.78, 0.89, 0.96, 1.0])
_WIDTH = np.array([0.30, 0.52, 0.68, 0.72, 0.74, 0.88, 1.00, 0.98, 0.84, 0.60, 0.30])
_HEIGHTS = {
    "sneakers": np.array([0.70, 0.90, 1.00, 1.02, 0.95, 0.78, 0.62, 0.52, 0.44, 0.36, 0.20]),
    "shoes": np.array([0.70, 0.84, 0.90, 0.88, 0.80, 0.68, 0.54, 0.44, 0.37, 0.30, 0.16]),
    "boots": np.array([0.80, 1.05, 1.20, 1.22, 1.05, 0.84, 0.66, 0.56, 0.48, 0.40, 0.24]),
    "pumps": np.array([0.60, 0.74, 0.72, 0.52, 0.36, 0.30, 0.34, 0.40, 0.34, 0.28, 0.14]),
    "sandals": np.full(11, 0.02),
}
_ANKLE_HEIGHT = 0.082  # of the average body
_SHAPE = (64, 64)


def make_shoes(kind, colours, body, random, high):
    """Makes a pair of shoes.

    Args:
        kind: str. A key of `_HEIGHTS`.
        colours: two colours, of the upper and of the sole.
        body: float32 array. Vertices and joints of `shape_body`.
        random: `numpy.random.Generator`. Paints.
        high: float. Height on the average body up to which boots reach.

    Returns:
        A list of `Piece`.
    """
    material = textured(
        _paint(kind, colours, random), None, 0.18 if kind in ("shoes", "boots", "pumps") else 0.05, False
    )
    sole = {"sneakers": 0.024, "boots": 0.028, "shoes": 0.016, "pumps": 0.022, "sandals": 0.018}[kind]
    average = template().vertices
    pieces = []
    for side in SIDES:
        vertices, triangles, uv = closed_loft(_last(body, side, _HEIGHTS[kind], sole))
        home = closed_loft(_last(average, side, _HEIGHTS[kind], 0.0))[0]
        toes = np.clip((home[:, 2] - template().joint(f"ball{side}")[2]) / 0.03 + 0.5, 0, 1)
        bones, weights = between(f"foot{side}", f"ball{side}", toes)
        name = "left foot" if side == "_l" else "right foot"
        part = np.full(len(triangles), PARTS.index(name), np.uint8)
        pieces.append(Piece(vertices, triangles, uv, bones, weights, part, nearest_skin(home), material))
    if kind == "boots":
        pieces.append(_shafts(body, colours[0], random, high))
    return pieces


def _last(body, side, heights, sole):
    """Rings from heel to toe, `(rows, columns, 3)`; the bare sole is at 0."""
    rest = template()
    word = "left foot" if side == "_l" else "right foot"
    skin = np.flatnonzero(rest.part[: rest.joint_rows.start] == PARTS.index(word))
    skin = skin[rest.vertices[skin, 1] < 0.075]
    foot = body[skin]
    low, high = foot.min(axis=0), foot.max(axis=0)
    ankle = body[rest.joint_rows][rest.joints[f"foot{side}"]]
    heel, toe = low[2] - 0.008, high[2] + 0.012
    z = heel + _SHARE * (toe - heel)
    half = (0.5 * (high[0] - low[0]) + 0.004) * _WIDTH
    # The heel is under the ankle, the toes in the middle of the forefoot.
    x = ankle[0] + np.clip((_SHARE - 0.2) / 0.5, 0, 1) * (0.5 * (low[0] + high[0]) - ankle[0])
    scale = _ANKLE_HEIGHT * (ankle[1] / rest.joint(f"foot{side}")[1])
    angle = 2 * np.pi * np.arange(_COLUMNS) / _COLUMNS
    cosine, sine = np.cos(angle), np.sin(angle)
    across = np.sign(cosine) * np.abs(cosine) ** 0.75
    up = np.where(sine >= 0, np.abs(sine) ** 0.85, 0)[None] * (heights * scale)[:, None]
    down = np.where(sine < 0, np.minimum(1.6 * np.abs(sine), 1.0), 0)[None] * -sole
    rings = np.empty((len(z), _COLUMNS, 3))
    rings[..., 0] = x[:, None] + half[:, None] * across * np.where(sine > 0, 1 - 0.25 * sine, 1)
    # The toe cap turns up a little.
    rings[..., 1] = up + down + (0.012 * np.clip((_SHARE - 0.8) / 0.2, 0, 1) ** 2)[:, None]
    rings[..., 2] = z[:, None]
    return rings


def _paint(kind, colours, random):
    """Around the ring: 0 outer side, 0.25 the top, from 0.5 on the sole; from heel to toe."""
    upper, sole = (np.asarray(colour, np.float32) for colour in colours)
    cloth = np.empty((*_SHAPE, 3), np.float32)
    cloth[:] = upper
    cloth *= (1 + 0.05 * noise(random, "grain", _SHAPE))[..., None]
    along = (np.arange(_SHAPE[0])[:, None] + 0.5) / _SHAPE[0]
    around = (np.arange(_SHAPE[1])[None] + 0.5) / _SHAPE[1]
    top = np.abs(around - 0.25)
    if kind in ("sneakers", "boots"):
        laces = (top < 0.07) & (along > 0.38) & (along < 0.66)
        lay(cloth, 0.6 * laces, 0.5 * upper)
        lay(
            cloth,
            (laces & ((along * 26) % 1 < 0.5)).astype(np.float32),
            (0.85, 0.85, 0.83) if random.random() < 0.6 else 0.7 * upper,
        )
    if kind == "sneakers":
        accent = draw_colour(random, SMALL)
        style = random.random()
        if style < 0.45:
            lay(cloth, (np.abs(along - 0.42 - (top - 0.12)) < 0.05) & (top > 0.08), accent if style < 0.2 else sole)
        if style > 0.7:
            lay(cloth, along < 0.16, accent if style < 0.85 else sole)
        lay(cloth, 0.25 * (along > 0.84), (0, 0, 0))
    lay(cloth, 0.45 * ((along > 0.10) & (along < 0.30) & (top < 0.10)), (0.03, 0.03, 0.03))
    lay(cloth, np.clip((np.abs(around - 0.75) - 0.27) / -0.012, 0, 1), sole)
    lay(cloth, 0.5 * np.clip(1.5 - np.abs(np.abs(around - 0.75) - 0.27) / 0.008, 0, 1), (0, 0, 0))
    return cloth


def _shafts(body, colour, random, high):
    cloth = tights_on(body)
    cloth = cloth.chosen(np.isin(cloth.label, LEGS))
    cloth = cloth.cut(high - cloth.home[:, 1])
    cloth = cloth.cut(cloth.home[:, 1] - 0.06)
    cloth = cloth.moved(cloth.place + 0.013 * vertex_normals(cloth.place, cloth.triangles))
    colours = np.empty((128, 64, 3), np.float32)
    colours[:] = colour
    colours *= (1 + 0.05 * noise(random, "grain", (128, 64)))[..., None]
    bump = 0.002 * noise(random, "across", (128, 64))
    return piece(cloth, LEGS, (0.0, LEG_LENGTH), textured(colours, bump, 0.15))
