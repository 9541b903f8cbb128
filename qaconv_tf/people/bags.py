"""Bags, backpacks and cases with their straps, and what is tied around the neck."""

import numpy as np

from qaconv_tf.people.cloth import solid_piece, vertex_normals
from qaconv_tf.people.drape import sample, tube_profile
from qaconv_tf.people.fabrics import lay, noise, paint_fabric
from qaconv_tf.people.forms import rounded_box, sweep
from qaconv_tf.people.mesh import PARTS
from qaconv_tf.people.sewing import robe_on
from qaconv_tf.people.tailoring import NECK_TOP, piece, textured
from qaconv_tf.people.template import TRUNK, nearest_skin, template
from qaconv_tf.people.tubes import tube_axis

SHAPE = (64, 128)


def make_bag(kind, colours, side, size, body, random, ease, over):
    """Makes a bag.

    Args:
        kind: str. A key of `BAGS`.
        colours: two colours.
        side: int. 1 for the left, -1 for the right.
        size: float. Beside the usual, 1.
        body: float32 array. Vertices and joints of `shape_body`.
        random: `numpy.random.Generator`. Paints.
        ease: float. Metres that clothes stand off.
        over: float. The same, more, at the hips.

    Returns:
        `(pieces, held)`: lists of `Piece`; those of `held` are placed about the hand that carries them, the others on
        the body.
    """
    if kind == "none":
        return [], []
    material = _material(kind, colours, random)
    scale = _scale(body)
    if kind == "backpack":
        return _backpack(colours, size * scale, body, ease, material), []
    if kind in ("shoulder bag", "cross bag"):
        return _hanging(kind, side, size * scale, body, ease, over, material), []
    if kind == "trolley":
        half = np.array([0.10, 0.27, 0.17]) * size
        case = rounded_box((side * 0.03, half[1] + 0.04 - 0.78 * scale, -half[2] - 0.12), half, 0.25)
        rod = sweep(
            [(side * 0.03, y, -half[2] - 0.05 + 0.0 * y) for y in np.linspace(2 * half[1] - 0.78 * scale, 0.0, 5)],
            0.012,
        )
        return [], [_hung(case, material), _hung(rod, material)]
    half = np.array([0.05, 0.12, 0.15] if kind == "hand bag" else [0.06, 0.19, 0.16]) * size
    drop = half[1] + (0.12 if kind == "hand bag" else 0.10)
    box = rounded_box((0, -drop, 0), half, 0.3 if kind == "hand bag" else 0.18)
    arc = np.linspace(0, np.pi, 9)
    path = np.stack([0 * arc, -drop + half[1] + (drop - half[1]) * np.sin(arc), 0.6 * half[2] * np.cos(arc)], axis=1)
    return [], [_hung(box, material), _hung(sweep(path, 0.007), material)]


def _scale(body):
    return float(body[template().joint_rows][template().joints["neck_01"], 1] / template().joint("neck_01")[1])


def _hung(form, material):
    """What hangs from a hand: its joint does not matter."""
    return solid_piece(form, material, "pelvis", "carried")


def trunk_place(body, level, angle, off):
    """Places on the clothed trunk, `(n, 3)`.

    Args:
        body: float32 array. Vertices and joints of `shape_body`.
        level: float array `(n,)`. Heights on the average body.
        angle: float array `(n,)`. From the front to the left.
        off: float. Metres off the skin.

    Returns:
        float array.
    """
    along, radius = tube_profile(TRUNK, body)
    rows = np.linspace(1.30, 0.86, len(along))
    at = np.interp(-np.asarray(level, float), -rows, along[:, 0])
    at = np.where(level > 1.30, along[0, 0] + (np.asarray(level) - 1.30) * _scale(body), at)
    axis = tube_axis(TRUNK, body)
    out = sample(along, radius, at, np.asarray(angle, float)) + off
    # Above the chest the trunk narrows towards the neck.
    out = out * np.where(level > 1.30, 1 - 2.2 * (np.asarray(level) - 1.30), 1)
    return np.stack([out * np.sin(angle), at, np.interp(at, axis[:, 1], axis[:, 2]) + out * np.cos(angle)], axis=-1)


def _backpack(colours, scale, body, ease, material):
    half = np.array([0.145, 0.21, 0.075]) * scale
    levels = np.linspace(1.08, 1.30, 6)
    back = trunk_place(body, levels, np.full(6, np.pi), ease + 0.006)
    middle = np.array([0.0, back[:, 1].mean() + 0.01, back[:, 2].min() - 0.62 * half[2]])
    pack = rounded_box(middle, half, 0.34)
    pocket = rounded_box(middle + [0, -0.35 * half[1], -0.85 * half[2]], half * [0.75, 0.5, 0.5], 0.34)
    pieces = [solid_piece(form, material, "spine_03", "carried") for form in (pack, pocket)]
    # Straps are strips of the clothes' own surface.
    cloth = robe_on(body, ease + 0.008, 0.5, 0.5, 0.0, 0.0, 0.0)
    cloth = cloth.chosen((cloth.label == TRUNK) & (cloth.home[cloth.triangles, 1].min(axis=1) > 1.05))
    down = np.clip((1.28 - cloth.home[:, 1]) / 0.12, 0, 1)
    off_line = np.abs(np.abs(cloth.home[:, 0]) - 0.088 - 0.045 * down * (cloth.home[:, 2] > 0.03))
    low = np.where(cloth.home[:, 2] > 0.02, cloth.home[:, 1] - 1.14, cloth.home[:, 1] - 1.24)
    cloth = cloth.cut(np.minimum(0.026 - off_line, low))
    return [*pieces, _strap(cloth, colours[1], 0.004)]


def _strap(cloth, colour, off):
    cloth = cloth.moved(cloth.place + off * vertex_normals(cloth.place, cloth.triangles))
    colours = np.empty((8, 8, 3), np.float32)
    colours[:] = colour
    made = piece(cloth, (TRUNK,), (NECK_TOP, 0.8), textured(colours, None, 0.05))
    made.part[:] = PARTS.index("carried")
    made.surface[:] = np.nan
    return made


def _hanging(kind, side, scale, body, ease, over, material):
    half = np.array([0.055, 0.115, 0.16] if kind == "shoulder bag" else [0.045, 0.10, 0.14]) * scale
    level = 0.96 if kind == "shoulder bag" else 0.92
    hip = trunk_place(body, np.array([level]), np.array([side * np.pi / 2]), ease + over + 0.01)[0]
    middle = hip + [side * 0.75 * half[0], 0, -0.02 if kind == "shoulder bag" else 0.02]
    pieces = [solid_piece(rounded_box(middle, half, 0.38), material, "pelvis", "carried")]
    cloth = robe_on(body, ease + 0.006, 0.5, 0.5, 0.0, 0.0, 0.0, over)
    cloth = cloth.chosen((cloth.label == TRUNK) & (cloth.home[cloth.triangles, 1].min(axis=1) > 0.9))
    if kind == "shoulder bag":
        off_line = side * cloth.home[:, 0] - 0.112
        cloth = cloth.cut(np.minimum(0.014 - np.abs(off_line), cloth.home[:, 1] - level))
        return [*pieces, _strap(cloth, 0.8 * material.texture[0, 0] / 255, 0.003)]
    # The plane through one shoulder and the other hip.
    start, end = np.array([-side * 0.085, 1.36]), np.array([side * 0.155, level + 0.07])
    along = (end - start) / np.linalg.norm(end - start)
    off_line = np.abs((cloth.home[:, :2] - start) @ np.array([-along[1], along[0]]))
    cloth = cloth.cut(np.minimum(0.019 - off_line, cloth.home[:, 1] - level))
    return [*pieces, _strap(cloth, 0.8 * material.texture[0, 0] / 255, 0.003)]


def _material(kind, colours, random):
    first, second = (np.asarray(colour, np.float32) for colour in colours)
    cloth = np.empty((*SHAPE, 3), np.float32)
    cloth[:] = first
    cloth *= (1 + 0.05 * noise(random, "grain", SHAPE) + 0.03 * noise(random, "blotch", SHAPE))[..., None]
    v = (np.arange(SHAPE[0])[:, None] + 0.5) / SHAPE[0]
    u = (np.arange(SHAPE[1])[None] + 0.5) / SHAPE[1]
    style = random.random()
    if kind in ("backpack", "trolley") and style < 0.4:
        lay(cloth, (v > 0.62).astype(np.float32), second)
    elif style < 0.55:
        lay(cloth, ((v > 0.42) & (v < 0.56)).astype(np.float32), second)
    elif style < 0.7:
        lay(cloth, ((np.abs(u - 0.5) < 0.08) | (np.minimum(u, 1 - u) < 0.08)).astype(np.float32), second)
    elif kind == "shopping bag":
        lay(cloth, ((np.abs((u * 2) % 1 - 0.5) < 0.16) & (np.abs(v - 0.5) < 0.16)).astype(np.float32), second)
    lay(cloth, 0.5 * np.clip(1.5 - np.abs(v - 0.70) / 0.012, 0, 1), (0.02, 0.02, 0.02))
    return textured(cloth, (0.001 * noise(random, "crumple", SHAPE)).astype(np.float32), 0.10)


def make_scarf(colour, body, random, ease):
    """A scarf around the neck with one or two ends on the chest: a list of `Piece`, empty for colour None."""
    if colour is None:
        return []
    rest = template()
    neck = body[rest.joint_rows][rest.joints["neck_01"]].astype(float)
    scale = _scale(body)
    turn = np.linspace(0, 2 * np.pi, 20)
    ring = neck + scale * np.stack(
        [0.075 * np.sin(turn), 0.012 - 0.022 * np.cos(turn) + 0.008 * np.sin(3 * turn), 0.02 + 0.075 * np.cos(turn)],
        axis=1,
    )
    colours = np.empty((32, 64, 3), np.float32)
    colours[:] = colour
    colours *= (1 + 0.08 * noise(random, "fleck", (32, 64)))[..., None]
    if random.random() < 0.4:
        stripes = (np.arange(64)[None] * random.integers(3, 9) // 32) % 2
        lay(colours, stripes.astype(np.float32), random.uniform(0.05, 0.95, 3))
    material = textured(colours, (0.003 * noise(random, "crumple", (32, 64))).astype(np.float32), 0.02)
    skin = nearest_skin(np.array([[0.0, 1.41, 0.07]]))
    forms = [sweep(ring, 0.030 * scale)]
    for side in (1, -1)[: int(random.integers(1, 3))]:
        levels = np.linspace(1.36, random.uniform(1.08, 1.2), 7)
        path = trunk_place(body, levels, np.full(7, side * 0.22), ease + 0.014)
        path[0, 1:] += [0.02, 0.0]
        forms.append(sweep(path, 0.036 * scale, flat=0.28))
    return [solid_piece(form, material, "spine_03", "torso", np.repeat(skin, len(form[0]), axis=0)) for form in forms]


def make_hood(top, body, random, ease):
    """A hood that lies on the back: a list of `Piece`."""
    rest = template()
    neck = body[rest.joint_rows][rest.joints["neck_01"]].astype(float)
    scale = _scale(body)
    turn = np.linspace(-2.5, 2.5, 15) + np.pi
    back = np.clip(-np.cos(turn), 0, 1)
    path = neck + scale * np.stack(
        [
            (0.088 + ease) * np.sin(turn),
            -0.005 - 0.03 * (1 - back),
            0.005 + (0.088 + ease) * np.cos(turn) - 0.012 * back,
        ],
        axis=1,
    )
    path[:, 1] -= 0.015 * back
    form = sweep(path, scale * (0.016 + 0.034 * back**0.8), columns=10)
    material = textured(paint_fabric(top.fabric, random, (64, 64), (0.3, 0.3)), None, top.fabric.specular)
    skin = nearest_skin(np.array([[0.0, 1.38, -0.05]]))
    return [solid_piece(form, material, "spine_03", "torso", np.repeat(skin, len(form[0]), axis=0))]
