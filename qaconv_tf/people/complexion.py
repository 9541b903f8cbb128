"""Skin: what of it clothes leave bare, and how face, hands and legs are painted."""

import functools

import numpy as np

from qaconv_tf.people.cloth import Cloth, Piece, unwrapped
from qaconv_tf.people.fabrics import lay, noise
from qaconv_tf.people.mesh import PARTS
from qaconv_tf.people.tailoring import ARM_LENGTH, LEG_LENGTH, piece, textured
from qaconv_tf.people.template import ARMS, LEGS, TRUNK, template

FACE_SHAPE, LIMB_SHAPE = (256, 256), (96, 32)
# The face's texture is rolled around an upright axis through the head; heights on the average body, metres.
HEAD_AXIS = 0.055
FACE_SPAN = (1.675, 1.425)
_HEAD = 255  # the label of its triangles
# Where hair begins: angle from the front, height.
HAIRLINE = np.array(
    [[0.0, 1.630], [0.45, 1.629], [0.75, 1.617], [0.95, 1.592], [1.12, 1.570], [1.28, 1.548], [1.42, 1.545],
     [1.58, 1.558], [1.75, 1.548], [1.90, 1.515], [2.10, 1.492], [2.5, 1.478], [np.pi, 1.474]]
).T  # fmt: skip


@functools.cache
def _skin():
    """The whole skin as `Cloth` on the average body, which vertices it is, and the head's triangles' label."""
    body = template()
    used, triangles = np.unique(body.skin, return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    home = body.vertices[used].astype(float)
    weights = np.zeros((len(used), len(body.joints)))
    np.add.at(weights, (np.arange(len(used))[:, None], body.bones[used]), body.weights[used])
    quads = len(triangles) // 2
    corners = np.concatenate([triangles[:quads], triangles[quads:, 2:]], axis=1)
    label = np.sort(body.tube[used][corners], axis=1)[:, 1]
    label[(body.part[used][corners] == PARTS.index("head")).sum(axis=1) >= 2] = _HEAD
    return Cloth(np.concatenate([home, home, home, weights], axis=1), triangles, np.concatenate([label, label])), used


def make_skin(body, bare, random, tone, face, legs):
    """Makes what shows of the skin.

    Args:
        body: float32 array. Vertices and joints of `shape_body`.
        bare: function of (home `(n, 3)`, label) -> mask of the places of a tube that clothes may leave bare.
        random: `numpy.random.Generator`. Paints.
        tone: 3 floats in [0, 1].
        face: float32 array of `FACE_SHAPE`. From `paint_face`.
        legs: float32 array. From `paint_legs`.

    Returns:
        A list of `Piece`.
    """
    cloth, used = _skin()
    cloth = cloth.moved(body[used].astype(float))
    middle = cloth.home[cloth.triangles].mean(axis=1)
    shown = np.zeros(len(cloth.triangles), bool)
    for label in np.unique(cloth.label):
        ours = cloth.label == label
        shown[ours] = True if label == _HEAD else bare(middle[ours], int(label))
    cloth = cloth.chosen(shown)
    plain = np.empty((*LIMB_SHAPE, 3), np.float32)
    plain[:] = tone
    plain *= (1 + 0.02 * noise(random, "fleck", LIMB_SHAPE))[..., None]
    material = textured(plain, None, 0.05, two_sided=False)
    pieces = [
        _head_piece(cloth, textured(face, None, 0.05, two_sided=False)),
        piece(cloth, (TRUNK,), (1.44, 0.8), material),
        piece(cloth, ARMS, (-0.06, ARM_LENGTH + 0.25), material),
        piece(cloth, LEGS, (-0.05, LEG_LENGTH + 0.05), textured(legs, None, 0.05, two_sided=False)),
    ]
    return [made for made in pieces if made is not None]


def face_coordinates(home):
    """Texture coordinates in the face's texture of places on the average head, `(n, 2)`."""
    angle = np.arctan2(home[:, 0], home[:, 2] - HEAD_AXIS)
    down = (home[:, 1] - FACE_SPAN[0]) / (FACE_SPAN[1] - FACE_SPAN[0])
    return np.stack([angle / (2 * np.pi) + 0.5, down], axis=1)


def _head_piece(cloth, material):
    head = cloth.chosen(cloth.label == _HEAD)
    uv = unwrapped(face_coordinates(head.home)[head.triangles])
    part = np.full(len(head.triangles), PARTS.index("head"), np.uint8)
    return Piece(head.place, head.triangles, uv, head.weights, part, head.surface, material)


def make_eyes(body, iris):
    """Both eyes as one `Piece`; `iris` is a colour."""
    rest = template()
    used, triangles = np.unique(rest.eyes, return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    home = rest.vertices[used].astype(float)
    uv = np.empty((len(used), 2))
    for sign in (1, -1):
        ours = home[:, 0] * sign > 0
        middle = (home[ours].min(axis=0) + home[ours].max(axis=0)) / 2
        uv[ours] = (home[ours] - middle)[:, :2] / 0.03 + 0.5
    across, down = np.meshgrid(np.linspace(-0.015, 0.015, 48), np.linspace(-0.015, 0.015, 48))
    colours = np.empty((48, 48, 3), np.float32)
    colours[:] = (0.80, 0.77, 0.75)
    radius = np.hypot(across, down)
    lay(colours, np.clip((0.0066 - radius) / 0.0008, 0, 1), iris)
    lay(colours, np.clip((0.0028 - radius) / 0.0008, 0, 1), (0.02, 0.02, 0.02))
    # Lids cast a shade.
    lay(colours, 0.35 * np.clip((down - 0.002) / 0.004, 0, 1), (0.2, 0.12, 0.1))
    weights = np.zeros((len(used), len(rest.joints)))
    weights[:, rest.joints["head"]] = 1
    part = np.full(len(triangles), PARTS.index("head"), np.uint8)
    return Piece(body[used], triangles, uv[triangles], weights, part, home, textured(colours, None, 0.2, True))


def paint_face(random, tone, hair, female, age, beard, scalp, makeup):
    """Paints a head.

    Args:
        random: `numpy.random.Generator`.
        tone: 3 floats in [0, 1]. Colour of the skin.
        hair: 3 floats. Colour of the hair.
        female: bool. Lips and brows.
        age: float. Years, for lines and grey.
        beard: float. 0 is shaven, 0.3 stubble, 1 a full beard.
        scalp: float. How dense hair covers the skull: 0 is bald.
        makeup: float. Of lips and lashes.

    Returns:
        float32 array of `FACE_SHAPE` and 3 colours in [0, 1].
    """
    tone, hair = np.asarray(tone, np.float32), np.asarray(hair, np.float32)
    rows, columns = FACE_SHAPE
    angle = (((np.arange(columns, dtype=np.float32) + 0.5) / columns - 0.5) * 2 * np.pi)[None]
    level = FACE_SPAN[0] + ((np.arange(rows, dtype=np.float32) + 0.5) / rows * (FACE_SPAN[1] - FACE_SPAN[0]))[:, None]
    skin = np.empty((rows, columns, 3), np.float32)
    skin[:] = tone
    skin *= (1 + 0.018 * noise(random, "fleck", FACE_SHAPE) + 0.02 * noise(random, "blotch", FACE_SHAPE))[..., None]
    side = np.abs(angle)

    def spot(at, height, wide, high, power=2.0):
        return np.exp(-(np.abs((side - at) / wide) ** power) - np.abs((level - height) / high) ** power)

    red = np.clip(tone * [0.95, 0.62, 0.58], 0, 1)
    lay(skin, 0.35 * spot(0.62, 1.515, 0.28, 0.016), red)
    lay(skin, 0.25 * spot(0.0, 1.508, 0.2, 0.012), red)
    # Hollows: around the eyes, beside and below the nose, below the lip and the cheekbones.
    dark = 0.62 * tone
    lay(skin, 0.50 * spot(0.30, 1.553, 0.20, 0.009), dark)
    lay(skin, (0.22 + 0.003 * max(age - 30, 0)) * spot(0.36, 1.534, 0.16, 0.005), dark)
    lay(skin, 0.30 * spot(0.22, 1.515, 0.07, 0.016), dark)
    lay(skin, 0.65 * spot(0.08, 1.5005, 0.05, 0.003), 0.4 * tone)
    lay(skin, 0.30 * spot(0.0, 1.4965, 0.10, 0.004), dark)
    lay(skin, 0.28 * spot(0.0, 1.463, 0.2, 0.004), dark)
    lay(skin, 0.15 * spot(0.85, 1.49, 0.3, 0.02), dark)
    lay(skin, 0.40 * np.clip((1.452 - level) / 0.02, 0, 1), 0.75 * tone)
    if age > 40:
        lines = 0.2 * min((age - 40) / 30, 1)
        for height in (1.585, 1.595, 1.606):
            lay(skin, lines * spot(0.0, height, 0.5, 0.0015, 4), dark)
        lay(
            skin,
            1.5 * lines * np.exp(-(((side - 0.22 - 6 * (1.50 - level)) / 0.03) ** 2)) * (np.abs(level - 1.49) < 0.012),
            dark,
        )
    lips = tone * ([0.88, 0.58, 0.58] if female else [0.88, 0.68, 0.64])
    lips = (1 - 0.6 * makeup) * lips + 0.6 * makeup * np.array([0.68, 0.12, 0.2], np.float32)
    lay(
        skin,
        0.85 * np.clip(1.6 - 1.4 * (np.abs(side / 0.26) ** 2 + np.abs((level - 1.4775) / 0.0095) ** 2), 0, 1),
        lips,
    )
    lay(skin, 0.75 * spot(0.0, 1.4785, 0.20, 0.0014, 4), 0.35 * lips)
    brow = 1.5625 + 0.0045 * np.sin(np.clip((side - 0.12) / 0.45, 0, 1) * 2.6)
    thick = 0.0028 if female else 0.0042
    inside = np.clip((side - 0.10) / 0.05, 0, 1) * np.clip((0.60 - side) / 0.15, 0, 1)
    lay(skin, 0.85 * inside * np.exp(-(((level - brow) / thick) ** 2)), 0.75 * hair + 0.05 * tone)
    rim = np.abs(np.hypot((side - 0.375) / 0.165, (level - 1.5455) / 0.0075) - 1)
    lay(
        skin,
        (0.55 + 0.4 * makeup) * np.clip(1.3 - rim / 0.22, 0, 1) * np.clip((level - 1.541) / 0.004, 0.25, 1),
        0.16 * tone,
    )
    if beard > 0:
        low = np.clip((1.512 + 0.05 * np.clip(side - 0.55, 0, 0.8) - level) / 0.008, 0, 1) * np.clip(
            (1.55 - side) / 0.15, 0, 1
        )
        low *= 1 - np.clip(1.5 - 1.3 * (np.abs(side / 0.24) ** 2 + np.abs((level - 1.4775) / 0.009) ** 2), 0, 1)
        low *= np.clip((side - 0.32 + 40 * (1.4945 - level)) / 0.1, 0, 1) + np.clip((1.4955 - level) / 0.003, 0, 1) * (
            side < 0.4
        )
        patches = np.clip(0.75 + 0.3 * noise(random, "fleck", FACE_SHAPE), 0, 1)
        lay(skin, np.clip(beard * np.clip(low, 0, 1) * patches, 0, 0.95), hair)
    line = np.interp(side, *HAIRLINE)
    covered = np.clip((level - line) / 0.006, 0, 1)
    lay(skin, np.clip(scalp * covered * (0.92 + 0.1 * noise(random, "grain", FACE_SHAPE)), 0, 1), hair)
    return np.clip(skin, 0.02, 0.97)


def paint_legs(random, tone, stockings, socks, sock_top):
    """Paints legs: skin or stockings, and socks up to a height on the average body; float32 `(rows, columns, 3)`."""
    shape = (128, 32)
    colours = np.empty((*shape, 3), np.float32)
    colours[:] = tone if stockings is None else stockings
    colours *= (1 + 0.02 * noise(random, "fleck", shape))[..., None]
    along = -0.05 + (np.arange(shape[0])[:, None] + 0.5) / shape[0] * (LEG_LENGTH + 0.10)
    if stockings is None:
        lay(colours, 0.15 * np.exp(-(((along - 0.42) / 0.03) ** 2)), 0.6 * np.asarray(tone))
        lay(colours, np.clip((along - (0.865 - sock_top)) / 0.006, 0, 1), socks)
    return colours
