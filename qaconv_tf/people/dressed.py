"""A person with all clothes and belongings on, and the same in motion."""

import dataclasses

import numpy as np

from qaconv_tf.people.bags import make_bag, make_hood, make_scarf
from qaconv_tf.people.bottoms import make_bottom
from qaconv_tf.people.complexion import make_eyes, make_skin, paint_legs
from qaconv_tf.people.faces import paint_face
from qaconv_tf.people.gait import Gait, draw_moment, pose_joints
from qaconv_tf.people.hair import make_hair
from qaconv_tf.people.hats import FLAT_ABOVE, make_hat
from qaconv_tf.people.mesh import Mesh
from qaconv_tf.people.shape import shape_body
from qaconv_tf.people.shoes import make_shoes
from qaconv_tf.people.skinning import skin
from qaconv_tf.people.streams import stream
from qaconv_tf.people.swing import keep_clear, leg_joints, leg_profile
from qaconv_tf.people.template import ARMS, LEGS, template
from qaconv_tf.people.tops import make_top, neck_distance, neckline

_SCALP = {"bald": 0.0, "thinning": 0.45, "buzz": 0.85}


@dataclasses.dataclass(frozen=True, eq=False)
class DressedBody:
    """A dressed person at rest. As of `Mesh` where the names agree.

    Args:
        body: float32 array. Vertices and joints of `shape_body`.
        gait: `Gait`.
        vertices: float32 array `(n, 3)`.
        bones, weights: uint8 and float32 arrays `(n, 4)`. The joints that move each vertex, and how much.
        triangles, corner_uv, material, materials, part, surface: as of `Mesh`.
        busy: tuple of "left" and "right". Arms that carry something.
        clear: float32 array `(n,)`. How far each vertex must stay off the moving legs; 0 does not.
        legs: (along, radius, inset). How thick the clothed legs are, of `leg_profile`.
        num_worn: int. Vertices from here on hang from the busy hand.
    """

    body: np.ndarray
    gait: Gait
    vertices: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    triangles: np.ndarray
    corner_uv: np.ndarray
    material: np.ndarray
    materials: tuple
    part: np.ndarray
    surface: np.ndarray
    busy: tuple
    clear: np.ndarray
    legs: tuple
    num_worn: int


def dress(person):
    """Builds a person's body and everything on it.

    Args:
        person: `Person`.

    Returns:
        A `DressedBody`, always the same for the same person.
    """
    random = stream(*person.key[:2], "textures", person.key[2])
    body = shape_body(person.shape)
    outfit = person.outfit
    bottom = outfit.bottom
    over = {"none": 0.010, "skirt": 0.026}.get(bottom.kind, 0.006 + bottom.ease)
    pieces = []
    for top in outfit.tops:
        pieces += make_top(top, body, random, over)
    pieces += make_bottom(bottom, body, random)
    pieces += make_shoes(outfit.shoes, outfit.shoe_colours, body, random, 0.17)
    face = paint_face(random, person, _SCALP.get(person.hair_style, 1.0))
    legs = paint_legs(random, person.skin, bottom.stockings, outfit.socks, 0.0 if outfit.shoes == "sandals" else 0.14)
    pieces += make_skin(body, _bare(outfit), random, person.skin, face, legs)
    pieces.append(make_eyes(body, person.iris, outfit.glasses == "dark"))
    ease = max(top.ease for top in outfit.tops)
    pressed = None if outfit.hat == "none" else FLAT_ABOVE
    pieces += make_hair(
        person.hair_style, person.hair_length, person.fringe, person.hair, body, random, pressed, ease + 0.012
    )
    pieces += make_hat(outfit.hat, outfit.hat_colour, body, random)
    pieces += make_scarf(outfit.scarf, body, random, ease)
    pieces += [made for top in outfit.tops if top.hood for made in make_hood(top, body, random, ease)]
    bag, held = make_bag(
        outfit.bag, outfit.bag_colours, outfit.bag_side, outfit.bag_size, body, random, ease, over + 0.01
    )
    legs = leg_profile(body, bottom.ease, bottom.cling) if bottom.kind != "skirt" else leg_profile(body, 0.0, 10.0)
    busy = (("left",) if outfit.bag_side > 0 else ("right",)) if held else ()
    return _assemble(pieces + bag, held, body, person.gait, busy, legs)


def _bare(outfit):
    """Which skin clothes may leave bare, a function for `make_skin`. What is surely covered is left out."""
    sleeve = max(top.sleeve for top in outfit.tops) * 0.452
    inner = outfit.tops[0]
    hem = min([outfit.bottom.hem] + [top.hem for top in outfit.tops if top.kind in ("dress", "tunic")])
    margin = 0.12 if outfit.bottom.kind in ("skirt", "none") else 0.05
    if outfit.bottom.kind == "none":
        hem = inner.hem

    def bare(tube, home, along):
        if tube in ARMS:
            return along > sleeve - 0.05
        if tube in LEGS:
            # Shoes hide the foot, but one sees down into them beside the ankle.
            ankle = home[:, 1] > np.interp(home[:, 2], [0.05, 0.051, 0.09, 0.091], [0.04, 0.05, 0.05, 0.075])
            return (home[:, 1] < hem + margin) & (ankle | (outfit.shoes in ("sandals", "pumps")))
        distance, angle = neck_distance(home)
        shown = (distance < np.maximum(neckline(inner, angle), 0.06) + 0.03) & (home[:, 1] > 1.2)
        return shown | ((home[:, 1] > 1.2) & (inner.sleeve == 0))

    return bare


def _assemble(pieces, held, body, gait, busy, legs):
    num_worn = sum(len(made.vertices) for made in pieces)
    pieces = pieces + held
    counts = np.cumsum([0] + [len(made.vertices) for made in pieces])
    materials = []
    for made in pieces:
        if not any(made.material is known for known in materials):
            materials.append(made.material)
    index = [next(i for i, known in enumerate(materials) if known is made.material) for made in pieces]
    return DressedBody(
        body=body,
        gait=gait,
        vertices=np.concatenate([made.vertices for made in pieces]).astype(np.float32),
        bones=np.concatenate([made.bones for made in pieces]),
        weights=np.concatenate([made.weights for made in pieces]).astype(np.float32),
        triangles=np.concatenate([made.triangles + first for made, first in zip(pieces, counts, strict=False)]).astype(
            np.int32
        ),
        corner_uv=np.concatenate([made.corner_uv for made in pieces]).astype(np.float32),
        material=np.repeat(np.array(index, np.uint8), [len(made.triangles) for made in pieces]),
        materials=tuple(materials),
        part=np.concatenate([made.part for made in pieces]),
        surface=np.concatenate([made.surface for made in pieces]).astype(np.float32),
        busy=busy,
        clear=np.concatenate(
            [np.zeros(len(made.vertices)) if made.clear is None else made.clear for made in pieces]
        ).astype(np.float32),
        legs=legs,
        num_worn=num_worn,
    )


def pose(dressed, phase, stride, random):
    """Brings a dressed person into one moment of walking or standing.

    Args:
        dressed: `DressedBody`.
        phase: float. Radians of the gait; 0 is the left heel's strike, pi the right one's.
        stride: float. 0 stands, 1 walks at the usual pace.
        random: `numpy.random.Generator`. Draws what the arms do and where the head turns.

    Returns:
        A `Mesh`. The lower foot stands on the ground, y = 0.
    """
    moment = draw_moment(random, dressed.busy)
    rotations, shifts = pose_joints(dressed.body, dressed.gait, phase, stride, moment)
    vertices = skin(dressed.vertices, dressed.bones, dressed.weights, rotations, shifts)
    if dressed.busy:
        # What a hand carries hangs straight down, however the hand turns.
        side = dressed.busy[0][0]
        hand = template().joints[f"fingers_01_{side}"]
        at = rotations[hand] @ dressed.body[template().joint_rows][hand] + shifts[hand]
        vertices[dressed.num_worn :] = dressed.vertices[dressed.num_worn :] + at
    keep_clear(vertices, dressed.clear, leg_joints(dressed.body, rotations, shifts), *dressed.legs)
    vertices[:, 1] -= vertices[: dressed.num_worn, 1].min()
    return Mesh(
        vertices=vertices,
        triangles=dressed.triangles,
        corner_uv=dressed.corner_uv,
        material=dressed.material,
        materials=dressed.materials,
        part=dressed.part,
        surface=dressed.surface,
    )
