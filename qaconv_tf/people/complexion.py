"""Skin: what of it clothes leave bare, the eyes, and how arms and legs are painted."""

import dataclasses
import functools

import numpy as np

from qaconv_tf.people.cloth import Piece, compacted, solid_piece, unwrapped
from qaconv_tf.people.fabrics import lay, noise
from qaconv_tf.people.mesh import PARTS
from qaconv_tf.people.tailoring import ARM_LENGTH, LEG_LENGTH, home_angles_of, part_of_joints, textured
from qaconv_tf.people.template import ARMS, LEGS, TRUNK, template

LIMB_SHAPE, LEG_SHAPE = (96, 32), (128, 32)
# The face's texture is rolled around an upright axis through the head; heights on the average body, metres.
HEAD_AXIS = 0.055
FACE_SPAN = (1.675, 1.425)
HEAD = 255  # the label of its triangles, beside the tubes
_GROUPS = ((HEAD,), (TRUNK,), ARMS, LEGS)
_SPANS = {TRUNK: (1.44, 0.8), ARMS[0]: (-0.06, ARM_LENGTH + 0.25), LEGS[0]: (-0.05, LEG_LENGTH + 0.05)}


@dataclasses.dataclass(frozen=True, eq=False)
class _Skin:
    """The average body's skin, triangle by triangle: vertices, tube (or `HEAD`), middle, place along the tube."""

    triangles: np.ndarray
    label: np.ndarray
    middle: np.ndarray
    along: np.ndarray
    corner_uv: np.ndarray
    part: np.ndarray


@functools.cache
def _skin():
    body = template()
    triangles = body.skin
    quads = len(triangles) // 2
    corners = np.concatenate([triangles[:quads], triangles[quads:, 2:]], axis=1)
    label = np.sort(body.tube[corners], axis=1)[:, 1]
    label[(body.part[corners] == PARTS.index("head")).sum(axis=1) >= 2] = HEAD
    label = np.concatenate([label, label])
    middle = body.vertices[triangles].mean(axis=1)
    along, uv = np.zeros(len(triangles)), np.empty((len(triangles), 3, 2))
    for tube in (TRUNK, *ARMS, *LEGS):
        ours = label == tube
        along[ours] = home_angles_of(middle[ours], tube)[0]
        reached, angle = home_angles_of(body.vertices[triangles[ours]].reshape(-1, 3), tube)
        first, last = _SPANS[min(tube, *(group[0] for group in _GROUPS if tube in group))]
        uv[ours] = np.stack([angle / (2 * np.pi) + 0.5, (reached - first) / (last - first)], 1).reshape(-1, 3, 2)
    uv[label == HEAD] = face_coordinates(body.vertices[triangles[label == HEAD]].reshape(-1, 3)).reshape(-1, 3, 2)
    part = part_of_joints()[body.bones[triangles, 0]]
    part = np.where(label == HEAD, PARTS.index("head"), np.sort(part, axis=1)[:, 1]).astype(np.uint8)
    return _Skin(triangles, label, middle, along, unwrapped(uv), part)


def face_coordinates(home):
    """Texture coordinates in the face's texture of places on the average head, `(n, 2)`."""
    angle = np.arctan2(home[:, 0], home[:, 2] - HEAD_AXIS)
    down = (home[:, 1] - FACE_SPAN[0]) / (FACE_SPAN[1] - FACE_SPAN[0])
    return np.stack([angle / (2 * np.pi) + 0.5, down], axis=1)


def make_skin(body, bare, random, tone, face, legs):
    """Makes what shows of the skin.

    Args:
        body: float32 array. Vertices and joints of `shape_body`.
        bare: function of (tube, middles `(n, 3)` on the average body, places along the tube `(n,)`) -> mask of the
            triangles that clothes may leave bare.
        random: `numpy.random.Generator`. Paints.
        tone: 3 floats in [0, 1].
        face: float32 array. From `paint_face`.
        legs: float32 array. From `paint_legs`.

    Returns:
        A list of `Piece`.
    """
    skin, rest = _skin(), template()
    plain = np.empty((*LIMB_SHAPE, 3), np.float32)
    plain[:] = tone
    plain *= (1 + 0.02 * noise(random, "fleck", LIMB_SHAPE))[..., None]
    plain = textured(plain, None, 0.05, two_sided=False)
    materials = (textured(face, None, 0.05, False), plain, plain, textured(legs, None, 0.05, False))
    pieces = []
    for tubes, material in zip(_GROUPS, materials, strict=True):
        shown = np.zeros(len(skin.label), bool)
        for tube in tubes:
            ours = skin.label == tube
            shown[ours] = tube == HEAD or bare(tube, skin.middle[ours], skin.along[ours])
        if shown.any():
            used, triangles = compacted(skin.triangles[shown], len(rest.vertices))
            pieces.append(
                Piece(
                    vertices=body[used],
                    triangles=triangles,
                    corner_uv=skin.corner_uv[shown],
                    bones=rest.bones[used],
                    weights=rest.weights[used],
                    part=skin.part[shown],
                    surface=rest.vertices[used],
                    material=material,
                )
            )
    return pieces


def make_eyes(body, iris, dark=False):
    """Both eyes as one `Piece`; `iris` is a colour, `dark` as behind sunglasses."""
    rest = template()
    used, triangles = compacted(rest.eyes, len(rest.vertices))
    home = rest.vertices[used].astype(float)
    uv = np.empty((len(used), 2))
    for sign in (1, -1):
        ours = home[:, 0] * sign > 0
        middle = (home[ours].min(axis=0) + home[ours].max(axis=0)) / 2
        uv[ours] = (home[ours] - middle)[:, :2] / 0.03 + 0.5
    across, down = np.meshgrid(np.linspace(-0.015, 0.015, 48), np.linspace(-0.015, 0.015, 48))
    colours = np.empty((48, 48, 3), np.float32)
    colours[:] = (0.03, 0.03, 0.03) if dark else (0.80, 0.77, 0.75)
    if not dark:
        radius = np.hypot(across, down)
        lay(colours, np.clip((0.0066 - radius) / 0.0008, 0, 1), iris)
        lay(colours, np.clip((0.0028 - radius) / 0.0008, 0, 1), (0.02, 0.02, 0.02))
        # The lid casts a shade.
        lay(colours, 0.4 * np.clip((down - 0.001) / 0.004, 0, 1), (0.2, 0.12, 0.1))
    form = body[used], triangles, uv[triangles]
    return solid_piece(form, textured(colours, None, 0.2), "head", "head", home)


def paint_legs(random, tone, stockings, socks, sock_top):
    """Paints legs: skin or stockings, and socks up to a height on the average body; float32 `(rows, columns, 3)`."""
    colours = np.empty((*LEG_SHAPE, 3), np.float32)
    colours[:] = tone if stockings is None else stockings
    colours *= (1 + 0.02 * noise(random, "fleck", LEG_SHAPE))[..., None]
    first, last = _SPANS[LEGS[0]]
    along = first + (np.arange(LEG_SHAPE[0])[:, None] + 0.5) / LEG_SHAPE[0] * (last - first)
    if stockings is None:
        lay(colours, 0.15 * np.exp(-(((along - 0.42) / 0.03) ** 2)), 0.6 * np.asarray(tone))
        lay(colours, np.clip((along - (0.865 - sock_top)) / 0.006, 0, 1), socks)
    return colours
