"""From cut cloth to finished pieces: texture coordinates along trunk and limbs, and bands of cloth turned over."""

import functools

import numpy as np

from qaconv_tf.people.cloth import Piece, strongest, unwrapped
from qaconv_tf.people.drape import HIPS
from qaconv_tf.people.mesh import PARTS, Material
from qaconv_tf.people.template import PART_OF_JOINT, TRUNK, nearest_skin, template
from qaconv_tf.people.tubes import tube_coordinates

# Metres around each kind of tube that a texture shows; patterns agree where trunk and sleeves meet.
AROUND = {"trunk": 0.95, "arm": 0.36, "leg": 0.50}
ARM_LENGTH = 0.47
LEG_LENGTH = 0.84
NECK_TOP = 1.435


@functools.cache
def part_of_joints():
    """The part of the body that moves with each joint, uint8 indices into `PARTS`."""
    names = [PART_OF_JOINT.get(name, "torso") for name in template().joints]
    return np.array([PARTS.index(name) for name in names], np.uint8)


def home_angles(cloth, tube):
    """`(along, angle)` of each vertex' home in a tube of the average body."""
    return home_angles_of(cloth.home, tube)


def home_angles_of(home, tube):
    """`(along, angle)` of places `(n, 3)` in a tube of the average body."""
    along, angle, _, _ = tube_coordinates(tube, template().vertices, home)
    return along, angle


def piece(cloth, tubes, span, material, clear=0.0):
    """Finishes the triangles of some tubes.

    Args:
        cloth: `Cloth`.
        tubes: tuple of indices into `TUBES`. The triangles that belong to the piece.
        span: (first, last). Where along the tubes the texture begins and ends, metres on the average body.
        material: `Material`.
        clear: float. How far what hangs below the hips must stay off the legs; 0 if it is sewn around them.

    Returns:
        A `Piece`, or None if nothing is left of these tubes.
    """
    ours = np.isin(cloth.label, tubes)
    if not ours.any():
        return None
    cloth = cloth.chosen(ours)
    uv = np.empty((len(cloth.triangles), 3, 2))
    for tube in tubes:
        here = cloth.label == tube
        along, angle = home_angles(cloth, tube)
        coordinates = np.stack([angle / (2 * np.pi) + 0.5, (along - span[0]) / (span[1] - span[0])], axis=1)
        uv[here] = coordinates[cloth.triangles[here]]
    bones, weights = strongest(cloth.weights)
    surface = cloth.surface.copy()
    # A hem cut between the legs would lie on neither.
    hanging = cloth.home[:, 1] < HIPS
    if hanging.any():
        surface[hanging] = nearest_skin(cloth.home[hanging])
    return Piece(
        vertices=cloth.place,
        triangles=cloth.triangles,
        corner_uv=unwrapped(uv),
        bones=bones,
        weights=weights,
        part=part_of_joints()[np.argmax(cloth.weights[cloth.triangles].sum(axis=1), axis=1)],
        surface=surface,
        material=material,
        clear=clear * (cloth.home[:, 1] < HIPS - 1e-3),
    )


def trunk_levels(shape, span):
    """For each texel of a trunk's texture: metres aside of the front's middle, and height on the average body."""
    rows, columns = shape
    aside = ((np.arange(columns, dtype=np.float32) + 0.5) / columns - 0.5) * AROUND["trunk"]
    level = span[0] + (np.arange(rows, dtype=np.float32) + 0.5) / rows * (span[1] - span[0])
    return aside[None], level[:, None]


def textured(colours, bump, specular, two_sided=True):
    """A `Material` of float colours in [0, 1]; valleys of the bump receive a little less light from all around."""
    if bump is not None:
        deep = np.clip(bump / (np.abs(bump).max() + 1e-6), -1, 1)
        colours = colours * (1 + 0.10 * deep)[..., None]
    return Material(
        texture=np.round(255 * np.clip(colours, 0, 1)).astype(np.uint8),
        bump=None if bump is None else bump.astype(np.float32),
        specular=specular,
        two_sided=two_sided,
    )


def on_trunk(cloth):
    """Which vertices belong to the trunk's triangles."""
    trunk = np.zeros(len(cloth.values), bool)
    trunk[cloth.triangles[cloth.label == TRUNK]] = True
    return trunk
