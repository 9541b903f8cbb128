"""Hair: a shell over the skull, what falls from it, and tails and buns."""

import numpy as np

from qaconv_tf.people.cloth import Piece, between, solid_piece
from qaconv_tf.people.fabrics import noise
from qaconv_tf.people.forms import grid, rounded_box, sweep
from qaconv_tf.people.mesh import PARTS
from qaconv_tf.people.scalp import ANGLES, COLUMNS, ROWS, on_head
from qaconv_tf.people.tailoring import textured
from qaconv_tf.people.template import nearest_skin, template

SHAPE = (128, 128)
# Metres that hair stands off at the crown, at the sides, and at the rim.
_THICKNESS = {
    "short": (0.016, 0.007, 0.002),
    "medium": (0.026, 0.020, 0.004),
    "curly": (0.042, 0.040, 0.020),
    "bob": (0.020, 0.024, 0.020),
    "long": (0.018, 0.020, 0.018),
    "tail": (0.010, 0.008, 0.003),
    "bun": (0.010, 0.008, 0.003),
}
_FALLING_ROWS = 9


def make_hair(style, length, fringe, colour, body, random, flat_above=None, outside=0.03):
    """Makes a head of hair.

    Args:
        style: str. As of `Person.hair_style`; bald, thinning and buzz are paint only and give nothing.
        length: float in [0, 1]. Within the style.
        fringe: float in [0, 1]. How far hair falls on the forehead.
        colour: 3 floats in [0, 1].
        body: float32 array. Vertices and joints of `shape_body`.
        random: `numpy.random.Generator`.
        flat_above: float or None. Height on the average head above which a hat presses it down.
        outside: float. Metres that clothes stand off the back.

    Returns:
        A list of `Piece`.
    """
    if style not in _THICKNESS:
        return []
    place, outward, home = on_head("hair", body)
    thick = _thickness(style, length, random)
    if flat_above is not None:
        thick = np.where(home[..., 1] > flat_above, np.minimum(thick, 0.004), thick)
    shell = place + thick[..., None] * outward
    front = np.abs(ANGLES) < 0.9
    if fringe > 0:
        drop = 0.034 * fringe * np.clip(1.15 - np.abs(ANGLES), 0, 1) ** 0.5 * (1 + 0.15 * random.normal(size=COLUMNS))
        shell[0, front] += np.stack([0 * drop, -drop, 0.35 * drop + 0.004], axis=-1)[front]
    rows = [place[:1] - 0.004 * outward[:1], shell]
    material = textured(*_strands(colour, style, random), 0.10)
    falling = style in ("bob", "long")
    surface = nearest_skin(np.concatenate([home[:1], home]).reshape(-1, 3))
    pieces = [solid_piece(grid(np.concatenate(rows), closed=True), material, "head", "head", surface)]
    if falling:
        pieces.append(_fall(style, length, shell, home, body, outside, random, material))
    if style in ("tail", "bun"):
        pieces.append(_tied(style, length, shell, home, body, random, material))
    return pieces


def _thickness(style, length, random):
    crown, side, rim = _THICKNESS[style]
    up = np.linspace(0, 1, ROWS)[:, None]
    thick = np.where(up < 0.5, side, side + (crown - side) * (2 * up - 1)) * (0.7 + 0.6 * length)
    thick = rim + (thick - rim) * np.clip(up / 0.18, 0, 1) ** 0.7
    waves = sum(
        random.normal(0, 0.12) * np.cos(k * ANGLES[None] + random.uniform(0, 6) + 3 * up * random.normal())
        for k in range(1, 7)
    )
    clumps = random.normal(0, 0.10 if style != "curly" else 0.16, (ROWS, COLUMNS)) * np.clip(1.2 - up, 0, 1)
    return thick * np.clip(1 + waves * np.clip(1.1 - up, 0, 1) + clumps, 0.4, 1.8)


def _strands(colour, style, random):
    """Colours and bump of strands that run down."""
    kind = "blotch" if style == "curly" else "strand"
    strand = noise(random, kind, SHAPE)
    broad = noise(random, "hanging", SHAPE)
    light = np.exp(0.16 * strand + 0.10 * broad)[..., None]
    colours = np.clip(np.asarray(colour, np.float32) * light + 0.012 * (light - 1), 0.01, 1)
    return colours, (0.0022 if style != "curly" else 0.004) * strand + 0.002 * broad


def _fall(style, length, shell, home, body, outside, random, material):
    """What hangs from the sides and the back of the shell, over shoulders and back."""
    rest = template()
    behind = np.flatnonzero(np.abs(ANGLES) > 1.02)
    # From the right over the back to the left, so that the outer side is out.
    order = np.concatenate([behind[ANGLES[behind] > 0], behind[ANGLES[behind] < 0]])[::-1]
    start = shell[3, order]
    neck = body[rest.joint_rows][rest.joints["neck_01"]].astype(float)
    scale = neck[1] / rest.joint("neck_01")[1]
    angle = ANGLES[order]
    back = np.clip((np.abs(angle) - 1.5) / 1.2, 0, 1)
    tip = neck[1] + scale * (
        0.085 - 0.045 * length if style == "bob" else 0.0 - (0.05 + 0.24 * length) * back**0.7 - 0.02
    )
    tip = tip + scale * 0.012 * random.normal(size=len(angle))
    t = np.linspace(0, 1, _FALLING_ROWS)[:, None]
    y = start[None, :, 1] + t * (tip - start[:, 1])[None]
    # Hair falls straight from the head, closes in on the neck and lies on the back.
    inward = np.clip((start[None, :, 1] - y) / (0.16 * scale), 0, 1)
    tuck = 0.78 if style == "long" else 0.9
    x = start[None, :, 0] * (1 - inward * (1 - tuck)) + 0.004 * random.normal(size=y.shape)
    z = start[None, :, 2] + inward * 0.25 * (neck[2] - start[None, :, 2]) * (np.abs(angle) < 2.2)
    spine = body[rest.joint_rows][rest.joints["spine_03"]].astype(float)
    back_z = np.interp(
        y, [spine[1], neck[1], neck[1] + 0.05], [spine[2] - 0.105 * scale, neck[2] - 0.06, neck[2] - 0.05]
    )
    low = np.clip((neck[1] + 0.07 * scale - y) / (0.07 * scale), 0, 1) * (np.abs(angle) > 1.9)
    z = np.where(low > 0, z + low * np.minimum(back_z - outside - z, 0), z)
    rings = np.stack([x, y, z], axis=-1)
    on_back = np.clip((neck[1] + 0.05 - y) / (0.12 * scale), 0, 1).ravel()
    places = np.broadcast_to(home[3, order], rings.shape).copy()
    places[..., 1] += (y - start[None, :, 1]) / scale
    form = grid(rings, closed=False)
    part = np.full(len(form[1]), PARTS.index("head"), np.uint8)
    bones, weights = between("head", "spine_03", on_back)
    return Piece(*form, bones, weights, part, nearest_skin(places.reshape(-1, 3)), material)


def _tied(style, length, shell, home, body, random, material):
    """A tail that hangs from the back of the head, or a bun on it."""
    rest = template()
    column = 0  # the back's middle
    row = 4 + int(random.integers(3))
    root, at = shell[row, column], home[row, column]
    middle = body[rest.joint_rows][rest.joints["head"]].astype(float)
    out = root - middle
    out[0] = 0
    out /= np.linalg.norm(out)
    if style == "bun":
        form = rounded_box(root + 0.018 * out, np.full(3, 0.026 + 0.016 * length), 1.0)
    else:
        reach = 0.14 + 0.24 * length
        t = np.linspace(0, 1, 10)[:, None]
        path = root + out * 0.07 * np.sin(np.minimum(t * 2.2, 1.0) * np.pi / 2) + np.array([0, -1, 0]) * reach * t**1.6
        path[:, 2] -= 0.02 * t[:, 0]
        radius = 0.020 * np.sin(np.pi * (0.12 + 0.86 * t[:, 0])) ** 0.6 + 0.004
        form = sweep(path, radius, columns=9)
    surface = np.repeat(nearest_skin(at[None]), len(form[0]), axis=0)
    return solid_piece(form, material, "head", "head", surface)
