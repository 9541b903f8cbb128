"""The average body, of which everybody is a variation: mesh, joints, weights, labels.

The data are MakeHuman's, CC0: `assets/NOTICE` has their origin, `assets/remake_body.py` their format.
"""

import dataclasses
import functools
import pathlib

import numpy as np
from scipy.spatial import cKDTree

from qaconv_tf.people.mesh import PARTS

ASSET = pathlib.Path(__file__).parents[1] / "assets" / "body.npz"
SHIFT_UNIT = 2e-5  # metres, of the asset's targets
SIDES = ("_l", "_r")
# The tubes that clothes are made of: the trunk, and each limb along its joints.
TUBES = ("trunk", "arm_l", "arm_r", "leg_l", "leg_r")
TRUNK, ARMS, LEGS = 0, (1, 2), (3, 4)
_LIMB_WORDS = {"arm": ("upperarm", "lowerarm", "hand", "finger", "thumb"), "leg": ("thigh", "calf", "foot", "ball")}
PART_OF_JOINT = {
    "head": "head",
    "neck_01": "neck",
    **{f"{joint}{side}": f"{word} {part}"
       for side, word in zip(SIDES, ("left", "right"), strict=True)
       for joint, part in {
           "upperarm": "upper arm", "lowerarm": "forearm", "hand": "hand", "fingers_01": "hand", "fingers_02": "hand",
           "thumb_01": "hand", "thigh": "thigh", "calf": "shin", "foot": "foot", "ball": "foot",
       }.items()},
}  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Template:
    """The average body and what never changes of anybody's.

    Args:
        vertices: float32 array `(num_vertices, 3)`. At rest, arms and legs a little apart; metres, ground at 0.
        joints: dict of joint's name -> its index, parents first.
        parents: int array `(num_joints,)`. -1 for the pelvis.
        joint_rows, point_rows: slices of `vertices` that are no vertices but the joints, and crown and toes.
        skin, tights, eyes: int32 arrays `(n, 3)`. Triangles.
        bones: uint8 array `(num_vertices, 4)`. Joints that move each vertex.
        weights: float32 array `(num_vertices, 4)`. How much; rows add up to 1.
        part: uint8 array `(num_vertices,)`. Index into `PARTS`.
        tube: uint8 array `(num_vertices,)`. Index into `TUBES`.
        targets: dict of name -> (vertices, shifts in metres). How bodies differ from the average.
    """

    vertices: np.ndarray
    joints: dict
    parents: np.ndarray
    joint_rows: slice
    point_rows: slice
    skin: np.ndarray
    tights: np.ndarray
    eyes: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    part: np.ndarray
    tube: np.ndarray
    targets: dict

    def joint(self, name, vertices=None):
        """Where a joint is, of the template or of somebody's `vertices`."""
        return (self.vertices if vertices is None else vertices)[self.joint_rows][self.joints[name]]


@functools.cache
def template():
    """Returns the `Template`; read once a process."""
    with np.load(ASSET, allow_pickle=False) as file:
        stored = dict(file)
    names = [str(name) for name in stored["joints"]]
    vertices, bones = stored["vertices"], stored["bones"]
    num_points = len(stored["points"])
    num_skin = len(bones)
    padding = len(vertices) - num_skin
    part, tube = _labels(names, bones, vertices[:num_skin])
    targets = {
        key[3:]: (stored[key].astype(np.int32), stored["by/" + key[3:]].astype(np.float32) * SHIFT_UNIT)
        for key in stored
        if key.startswith("at/")
    }
    return Template(
        vertices=vertices,
        joints={name: index for index, name in enumerate(names)},
        parents=stored["parents"].astype(int),
        joint_rows=slice(num_skin, num_skin + len(names)),
        point_rows=slice(len(vertices) - num_points, len(vertices)),
        skin=triangles_of(stored["skin_quads"]),
        tights=triangles_of(stored["tights_quads"]),
        eyes=triangles_of(stored["eyes_quads"]),
        bones=np.pad(bones, ((0, padding), (0, 0))),
        weights=np.pad(stored["weights"].astype(np.float32) / 255, ((0, padding), (0, 0))),
        part=np.pad(part, (0, padding)),
        tube=np.pad(tube, (0, padding)),
        targets=targets,
    )


def triangles_of(quads):
    """Two triangles for each of `quads` `(n, 4)`, first all first ones; int32 `(2 n, 3)`."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)


def _labels(names, bones, vertices):
    strongest = np.array(names)[bones[:, 0]]
    part = np.array([PARTS.index(PART_OF_JOINT.get(name, "torso")) for name in names], np.uint8)[bones[:, 0]]
    limb = np.full(len(vertices), "trunk", dtype="<U5")
    for stem, words in _LIMB_WORDS.items():
        ours = np.array([name.startswith(words) for name in names])[bones[:, 0]]
        for side in SIDES:
            limb[ours & np.char.endswith(strongest, side)] = stem + side
    return part, np.array([TUBES.index(name) for name in limb], np.uint8)


@functools.cache
def _skin_tree():
    places = template().vertices[np.unique(template().skin)]
    return places, cKDTree(places)


def nearest_skin(places):
    """The nearest place of the average body's skin to each of `places` `(n, 3)` near the average body, float32."""
    skin, tree = _skin_tree()
    return skin[tree.query(places)[1]]
