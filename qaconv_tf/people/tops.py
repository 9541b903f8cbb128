"""Upper garments, from tank top to coat and dress: cut from the robe, painted, with collar and hood."""

import numpy as np

from qaconv_tf.people.cloth import vertex_normals
from qaconv_tf.people.fabrics import fold_heights, lay, noise, paint_fabric
from qaconv_tf.people.sewing import robe_on
from qaconv_tf.people.tailoring import (
    ARM_LENGTH,
    AROUND,
    NECK_TOP,
    home_angles,
    on_trunk,
    piece,
    textured,
    trunk_levels,
)
from qaconv_tf.people.template import ARMS, TRUNK

SHAPE, SLEEVE_SHAPE = (256, 256), (128, 128)
_NECK = np.array([0.0, 1.38, 0.018]), np.array([0.0, 0.968, 0.25])  # a point of its axis, and the axis
_RIBBED = ("sweater", "hoodie", "puffer", "jacket")


def make_top(top, body, random, over):
    """Makes an upper garment.

    Args:
        top: `Top`.
        body: float32 array. Vertices and joints of `shape_body`.
        random: `numpy.random.Generator`. Paints.
        over: float. Metres by which it must clear what is worn below the waist.

    Returns:
        A list of `Piece`.
    """
    sleeve_ease = top.ease * (1.5 if top.kind in ("tee", "polo", "tunic", "dress") else 1.0)
    hang = {"ease": top.ease, "cling": top.cling, "flare": top.flare, "over": over}
    if top.kind == "dress":
        hang["cling"] = max(top.cling, 0.9)
    cloth = robe_on(body, **hang, skirt_cling=top.cling, sleeve_ease=sleeve_ease, sleeve_cling=0.12 + 0.5 * top.cling)
    cloth = cloth.cut(np.where(on_trunk(cloth), cloth.home[:, 1] - top.hem, 1.0))
    cloth = _cut_sleeves(cloth, top)
    whole = cloth
    cloth = cloth.cut(_neck_room(cloth, top))
    if top.opening:
        cloth = _opened(cloth, top)
    span = (NECK_TOP, top.hem)
    trunk = _trunk_material(top, random, span)
    pieces = [
        piece(cloth, (TRUNK,), span, trunk, clear=over + 0.7 * top.ease),
        piece(cloth, ARMS, (-0.06, ARM_LENGTH), _sleeve_material(top, random)),
    ]
    if top.neck == "collar":
        pieces.append(_collar(whole, top, span, trunk))
    return [made for made in pieces if made is not None]


def _cut_sleeves(cloth, top):
    trunk = on_trunk(cloth)
    if top.sleeve == 0:
        cloth = cloth.chosen(cloth.label == TRUNK)
        # Straps: what is left beside neck and armhole.
        return cloth.cut(np.where(cloth.home[:, 1] > 1.26, 0.128 - np.abs(cloth.home[:, 0]), 1.0))
    amount = np.ones(len(cloth.values))
    end = top.sleeve * 0.452
    for tube in ARMS:
        ours = np.unique(cloth.triangles[cloth.label == tube])
        amount[ours] = end - home_angles(cloth, tube)[0][ours]
    amount[trunk] = np.maximum(amount[trunk], 0.01)
    return cloth.cut(amount)


def neck_distance(home):
    """Distance from the neck's axis, and the angle about it, 0 in front, of places on the average body."""
    point, axis = _NECK
    # Below the neck the axis ends: distances are from its end.
    along = np.maximum((home - point) @ axis, -0.01)
    across = home - point - along[:, None] * axis
    return np.linalg.norm(across, axis=1), np.arctan2(across[:, 0], across @ np.cross([1.0, 0, 0], axis))


def neckline(top, angle):
    """The neckline's distance from the neck's axis at angles about it."""
    front = np.clip(1 - np.abs(angle) / 0.75, 0, 1)
    # The neck's axis is nearer to the nape than to the throat.
    around = 0.0645 + 0.005 * np.cos(angle)
    if top.neck == "scoop":
        return around + 0.012 + 0.05 * np.clip(np.cos(angle), 0, 1) ** 2
    if top.neck == "vee":
        return around + 0.085 * front
    if top.neck == "collar":
        return np.where(np.abs(angle) < 0.5, 0.05 + 0.045 * front, 0.0) if top.opening == 0 else np.zeros(len(angle))
    if top.neck == "high":
        return np.zeros(len(angle))
    return around


def _neck_room(cloth, top):
    distance, angle = neck_distance(cloth.home)
    return np.where(on_trunk(cloth) & (cloth.home[:, 1] > 1.15), distance - neckline(top, angle), 1.0)


def _opened(cloth, top):
    """Cuts the front open, wider towards the hem, and lets the edges stand off."""
    home = cloth.home
    front = on_trunk(cloth) & (home[:, 2] > 0.0)
    down = np.clip((1.40 - home[:, 1]) / 0.5, 0, 1.6)
    width = top.opening * (0.55 + 0.6 * down)
    cloth = cloth.cut(np.where(front, np.abs(home[:, 0]) - width, 1.0))
    home = cloth.home
    near = np.exp(-np.clip(np.abs(home[:, 0]) - top.opening, 0, 1) / 0.05) * (home[:, 2] > 0.02) * on_trunk(cloth)
    low = np.clip((1.30 - home[:, 1]) / 0.3, 0, 1)
    return cloth.moved(cloth.place + (near * (0.004 + 0.014 * low))[:, None] * np.array([0, 0, 1.0]))


def _collar(cloth, top, span, material):
    """A collar turned down around the neck: the neck's cloth once more, standing off."""
    distance, angle = neck_distance(cloth.home)
    wide = 0.082 if top.kind in ("shirt", "polo") else 0.10
    inside = np.where(on_trunk(cloth) & (cloth.home[:, 1] > 1.25), wide + 0.012 * np.cos(angle) - distance, -1.0)
    band = cloth.cut(np.minimum(inside, 1.0)).chosen(slice(None))
    distance, angle = neck_distance(band.home)
    gap = 0.012 + top.opening
    band = band.cut(
        np.where(band.home[:, 2] > 0.03, np.abs(band.home[:, 0]) - gap * (0.4 + (1.43 - band.home[:, 1]) * 14), 1.0)
    )
    distance, _ = neck_distance(band.home)
    off = 0.004 + 0.22 * np.clip(distance - 0.055, 0, 0.06)
    normals = vertex_normals(band.place, band.triangles)
    return piece(band.moved(band.place + off[:, None] * normals), (TRUNK,), span, material)


def _trunk_material(top, random, span):
    size = span[0] - span[1], AROUND["trunk"]
    colours = paint_fabric(top.fabric, random, SHAPE, size)
    aside, level = trunk_levels(SHAPE, span)
    waist = np.exp(-(((level - 1.03) / 0.08) ** 2))
    bump = top.fabric.folds * fold_heights(
        random, SHAPE, hanging=0.25 + 0.75 * np.clip((1.22 - level) / 0.3, 0, 1), across=0.7 * waist, crumple=0.45
    )
    if top.kind == "puffer":
        bump = 0.35 * bump + _quilted(colours, level, random.uniform(0.05, 0.11), 0.012)
    _decorate(colours, bump, top, random, aside, level)
    return textured(colours, bump, top.fabric.specular)


def _quilted(colours, along, period, height):
    wave = np.abs(np.sin(np.pi * along / period))
    colours *= (0.72 + 0.28 * wave**0.5)[..., None]
    return height * wave**0.6 * np.ones(colours.shape[:2], np.float32)


def _sleeve_material(top, random):
    size = ARM_LENGTH + 0.06, AROUND["arm"]
    colours = paint_fabric(top.sleeve_fabric, random, SLEEVE_SHAPE, size)
    along = (np.arange(SLEEVE_SHAPE[0], dtype=np.float32)[:, None] + 0.5) / SLEEVE_SHAPE[0] * size[0] - 0.06
    elbow, cuff = np.exp(-(((along - 0.23) / 0.07) ** 2)), np.clip((along - 0.33) / 0.1, 0, 1)
    bump = top.fabric.folds * fold_heights(
        random, SLEEVE_SHAPE, hanging=0.5, across=0.9 * elbow + 0.7 * cuff, crumple=0.35
    )
    end = top.sleeve * 0.452
    if top.kind == "puffer":
        bump = 0.35 * bump + _quilted(colours, along, 0.08, 0.012)
    if top.kind in _RIBBED and top.sleeve > 0.8:
        _rib(colours, bump, np.clip((along - end + 0.05) / 0.004, 0, 1), random)
    lay(colours, 0.25 * np.clip(1 - np.abs(along - end + 0.018) / 0.003, 0, 1), (0, 0, 0))
    return textured(colours, bump, top.sleeve_fabric.specular)


def _rib(colours, bump, where, random):
    """Knitted ribs, where a share says so."""
    columns = colours.shape[1]
    wave = np.sin(2 * np.pi * np.arange(columns) * (columns // 6) / columns)[None]
    bump += where * 0.0012 * wave
    lay(colours, 0.22 * where, (0.0, 0.0, 0.0))


def _decorate(colours, bump, top, random, aside, level):
    if top.kind in _RIBBED:
        _rib(colours, bump, np.clip((top.hem + 0.055 - level) / 0.004, 0, 1), random)
    else:
        lay(colours, 0.22 * np.clip(1 - np.abs(level - top.hem - 0.022) / 0.003, 0, 1), (0, 0, 0))
    if top.opening:
        edge = np.abs(np.abs(aside) - top.opening * 1.1)
        lay(colours, 0.25 * np.clip(1 - edge / 0.02, 0, 1), (0, 0, 0))
    elif top.fastening == "zip":
        lay(colours, np.clip(1.6 - np.abs(aside) / 0.005, 0, 1), top.trim)
    elif top.fastening == "buttons" or top.kind == "polo":
        lowest = 1.24 if top.kind == "polo" else top.hem
        lay(colours, 0.3 * np.clip(1.5 - np.abs(np.abs(aside) - 0.016) / 0.003, 0, 1) * (level > lowest), (0, 0, 0))
        near = np.hypot(aside, (level / 0.085) % 1 * 0.085 - 0.04)
        lay(colours, np.clip(1.8 - near / 0.005, 0, 1) * (level > lowest), top.trim)
    if top.kind in ("jacket", "coat", "blazer", "puffer", "hoodie"):
        _pockets(colours, top, aside, level)
    if top.kind == "blazer" or (top.kind == "coat" and random.random() < 0.5):
        _lapels(colours, top, aside, level)
    if top.kind == "dress" and random.random() < 0.4:
        lay(colours, np.clip(1.5 - np.abs(level - 1.04) / 0.016, 0, 1), top.trim)
    _print(colours, top, random, aside, level)


def _pockets(colours, top, aside, level):
    for side in (-1, 1):
        slant = aside * side - 0.115 - 0.25 * (level - 0.97)
        lay(colours, 0.5 * np.clip(1.5 - np.abs(slant) / 0.004, 0, 1) * (np.abs(level - 0.97) < 0.065), (0, 0, 0))


def _lapels(colours, top, aside, level):
    edge = 0.02 + 0.085 * np.clip((level - 1.14) / 0.2, 0, 1)
    lay(colours, 0.45 * np.clip(1.5 - np.abs(np.abs(aside) - edge) / 0.004, 0, 1) * (level > 1.13), (0, 0, 0))
    lay(colours, 0.12 * (np.abs(aside) < edge) * (level > 1.13), (0, 0, 0))


def _print(colours, top, random, aside, level):
    if top.decoration == "none":
        return
    x, y = aside / 0.09, (level - random.uniform(1.17, 1.23)) / 0.075
    kind = top.decoration
    if kind in ("logo", "pocket"):
        x, y = (aside - 0.07) / 0.025, (level - 1.25) / 0.022
        if kind == "logo":
            lay(colours, np.clip(1.5 - np.abs(x) - np.abs(y), 0, 1), top.trim)
        else:
            edge = np.abs(np.maximum(np.abs(x) / 1.8, np.abs(y + 1) / 2.2) - 1)
            lay(colours, 0.4 * np.clip(1.4 - edge / 0.1, 0, 1), (0, 0, 0))
        return
    field = noise(random, "blotch", colours.shape[:2])
    if kind == "letters":
        bars = ((x * random.uniform(3, 6)) % 1 < 0.62) & (np.abs(y) < random.uniform(0.2, 0.45)) & (np.abs(x) < 1)
        lay(colours, (bars & (field > -0.9)).astype(np.float32), top.trim)
        return
    shape = random.integers(3)
    inside = (
        (np.hypot(x, y) < 1)
        if shape == 0
        else (np.abs(x) < 0.95) & (np.abs(y) < 1)
        if shape == 1
        else (np.abs(x) + np.abs(y) < 1.25)
    )
    lay(colours, inside.astype(np.float32), top.trim)
    lay(colours, (inside & (field > random.uniform(-0.2, 0.8))).astype(np.float32), top.fabric.colours[1])
    lay(colours, (inside & (field < -0.8)).astype(np.float32), top.fabric.colours[2])
