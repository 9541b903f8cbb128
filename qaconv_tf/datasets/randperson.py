"""RandPerson's subset: generated people in the camera networks of eleven scenes, for training only."""

import os
import re
from typing import NamedTuple

from qaconv_tf.datasets.files import list_images
from qaconv_tf.datasets.names import match_name
from qaconv_tf.datasets.records import ImageRecord, ReidDataset
from qaconv_tf.errors import UserError

LAYOUT = "the folder randperson_subset, with images named like 000000_s00_c00_f000264.jpg"
FINGERPRINTS = {"": {"train images": 132_145, "train identities": 8_000}}

# The name of the vendor's archive, which unpacks to a folder within a folder of that name, and QAConv's.
ROOT_FOLDERS = ("randperson_subset", "randperson")
FRAMES_PER_SECOND = 24.0
JUNK = -1

# What the official QAConv gives the first camera and the first frame of each scene.
FIRST_CAMERAS = (0, 2, 4, 6, 8, 9, 10, 12, 13, 14, 15)
FIRST_FRAMES = (0, 160_000, 340_000, 490_000, 640_000, 1_070_000, 1_330_000, 1_590_000, 1_890_000, 3_190_000, 3_490_000)

# An early release of RandPerson names the camera before the scene.
_NAME = re.compile(r"(-1|\d+)_(?:s(\d+)_c(\d+)|c(\d+)_s(\d+))_f(\d+)(?:[_.].*)?", re.ASCII | re.DOTALL)
_EXPECTED = "IDENTITY_sSCENE_cCAMERA_fFRAME like 000000_s00_c00_f000264.jpg"


class ImageName(NamedTuple):
    """What the name of an image says: identity (-1 junk), scene, camera in the scene and frame, all from 0."""

    identity: int
    scene: int
    camera: int
    frame: int


def parse_name(path: str) -> ImageName:
    """Reads identity, scene, camera and frame from the name of an image.

    Args:
        path: str. A path that ends in `{identity}_s{scene}_c{camera}_f{frame}`, scene and camera in either order, then
            anything after `_` or `.`.

    Returns:
        An `ImageName`.

    Raises:
        UserError: if the name has another form.

    Example:
        >>> from qaconv_tf.datasets.randperson import parse_name
        >>> parse_name("train/700000_s02_c00_f023389.jpg")
        ImageName(identity=700000, scene=2, camera=0, frame=23389)
    """
    match = match_name(_NAME, path, _EXPECTED)
    identity, scene, camera, other_camera, other_scene, frame = match.groups()
    return ImageName(int(identity), int(scene or other_scene), int(camera or other_camera), int(frame))


def read_images(folder: str, part: str) -> tuple[list[tuple[str, ImageName]], dict[str, int]]:
    """Reads the names of the images in a folder, without junk.

    Args:
        folder: str. An existing folder.
        part: str. What its junk is counted under.

    Returns:
        `(images, dropped)`: paths with what their names say, and as `ReidDataset.dropped` has it.

    Raises:
        UserError: if the folder cannot be read or an image has another form of name.
    """
    named = [(path, parse_name(path)) for path in list_images(folder)]
    images = [(path, name) for path, name in named if name.identity != JUNK]
    junk = len(named) - len(images)
    return images, {f"junk in {part}": junk} if junk else {}


def load(root: str | os.PathLike) -> ReidDataset:
    """Reads RandPerson's subset, which is all for training.

    Scenes follow each other, in cameras and in time, as in the official QAConv.

    Args:
        root: str or path. The folder of the images, or a folder around it (see `ROOT_FOLDERS`).

    Returns:
        The `ReidDataset`, its query and gallery empty.

    Raises:
        UserError: if an image has another form of name or is of an unknown scene.

    Reference: Wang, Liao and Shao, Surpassing Real-World Source Training Data: Random 3D Characters for Generalizable
        Person Re-Identification, ACM Multimedia 2020.
    """
    images, dropped = read_images(_find_folder(root), "train")
    records = tuple(_record(path, name) for path, name in images)
    return ReidDataset("randperson", train=records, query=(), gallery=(), dropped=dropped)


def _find_folder(root):
    inside = (os.path.join(root, name) for name in ROOT_FOLDERS)
    folder = next(filter(os.path.isdir, inside), None)
    return os.fspath(root) if folder is None else _find_folder(folder)


def _record(path, name):
    if name.scene >= len(FIRST_CAMERAS):
        raise UserError(
            f"Expected a scene from s00 to s{len(FIRST_CAMERAS) - 1}. Received: {path!r}. Rename or remove it"
        )
    frame = FIRST_FRAMES[name.scene] + name.frame
    return ImageRecord(path, name.identity, FIRST_CAMERAS[name.scene] + name.camera, frame / FRAMES_PER_SECOND)
