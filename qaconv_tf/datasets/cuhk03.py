"""CUHK03: the new protocol (CUHK03-NP), from folders or the vendor's .mat file, and the classic one, from the .mat."""

import os
import re
from typing import NamedTuple

from qaconv_tf.datasets.bounding_boxes import SPLIT_FOLDERS, read_parts
from qaconv_tf.datasets.cuhk03_mat import read_images, read_new_protocol, read_test_sets
from qaconv_tf.datasets.files import find_root
from qaconv_tf.datasets.records import ImageRecord, ReidDataset
from qaconv_tf.errors import UserError

LAYOUT = (
    "the folders bounding_box_train, query, bounding_box_test, with images named like 0001_c1_1.png, in detected or "
    "labeled; or cuhk03_release/cuhk-03.mat and, for the new protocol, cuhk03_new_protocol_config_detected.mat and "
    "cuhk03_new_protocol_config_labeled.mat"
)
BOXES = ("detected", "labeled")
OPTIONS = {"boxes": BOXES, "protocol": ("new", "classic"), "split": tuple(range(20))}

_PUBLISHED_TEST = {"query images": 1_400, "query identities": 700, "gallery identities": 700}
_PUBLISHED_CLASSIC = {"train identities": 1_367, "query identities": 100, "gallery identities": 100}
FINGERPRINTS = {
    "detected": {"train images": 7_365, "train identities": 767, "gallery images": 5_332} | _PUBLISHED_TEST,
    "labeled": {"train images": 7_368, "train identities": 767, "gallery images": 5_328} | _PUBLISHED_TEST,
    "classic detected": _PUBLISHED_CLASSIC,
    "classic labeled": _PUBLISHED_CLASSIC,
    "detected combine_all": {"train images": 14_097, "train identities": 1_467},
    "labeled combine_all": {"train images": 14_096, "train identities": 1_467},
}

MAT_FILES = (os.path.join("cuhk03_release", "cuhk-03.mat"), "cuhk-03.mat")

_NAME = re.compile(r"(-1|\d+)_c0*([1-9]\d*)(?:[_.].*)?", re.ASCII | re.DOTALL)


class ImageName(NamedTuple):
    """What the name of an image in a folder says: identity and camera from 0."""

    identity: int
    camera: int


def parse_name(path: str) -> ImageName:
    """Reads identity and camera from the name of an image of CUHK03-NP's folders.

    Args:
        path: str. A path that ends in `{identity}_c{camera}`, then anything after `_` or `.`; the camera counts from 1.

    Returns:
        An `ImageName`, its camera counted from 0.

    Raises:
        UserError: if the name has another form.

    Example:
        >>> from qaconv_tf.datasets.cuhk03 import parse_name
        >>> parse_name("query/0003_c1_21.png")
        ImageName(identity=3, camera=0)
    """
    match = _NAME.fullmatch(os.path.basename(path))
    if match is None:
        raise UserError(
            "Expected an image named identity_cCAMERA like 0003_c1_21.png, cameras from 1. "
            f"Received: {path!r}. Rename or remove it"
        )
    return ImageName(int(match[1]), int(match[2]) - 1)


def load(root: str | os.PathLike, boxes: str = "detected", protocol: str = "new", split: int = 0) -> ReidDataset:
    """Reads CUHK03.

    The cameras are the two views of each of the five pairs of cameras, as everywhere with this set. There are no
    timestamps. From the .mat file the images are extracted once, to `images_detected` or `images_labeled` beside it:
    see `cuhk03_mat.read_images`. The folders of CUHK03-NP are preferred where both are there.

    Args:
        root: str or path. The folder that holds the three folders of CUHK03-NP, or those around it, which may be named
            `detected` or `labeled`, `cuhk03-np`, or as QAConv does `cuhk03_np_detected` or `cuhk03_np_labeled`; or the
            folder that holds `cuhk03_release` or `cuhk-03.mat`, or the one around it, named `cuhk03`.
        boxes: str. `"detected"` by a program or `"labeled"` by hand. Defaults to `"detected"`, as QAConv is tested.
        protocol: str. `"new"` (767 training and 700 test identities), or `"classic"` (100 test identities; all their
            images are both queries and gallery, to be evaluated with the protocol `"cuhk03_single_shot"`, a mean over
            the splits). Defaults to `"new"`.
        split: int. Which of the 20 test sets of the classic protocol, from 0. Defaults to `0`.

    Returns:
        The `ReidDataset`; its version is the boxes, after `"classic "` where that is the protocol. Identities are the
        names' or the protocol's; in the classic protocol 1000 times the pair of cameras plus the person.

    Raises:
        UserError: if neither layout is there, an image has another form of name, the boxes of the folder found are not
            the wanted ones, a .mat file is missing or not what it should be, or the images cannot be extracted.

    Reference: Li et al., DeepReID: Deep Filter Pairing Neural Network for Person Re-identification, CVPR 2014; for
        the new protocol Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017.
    """
    classic = protocol == "classic"
    folder_names = (f"cuhk03_np_{boxes}", boxes, "cuhk03-np", "CUHK03-NP", "cuhk03_np", "cuhk03", "CUHK03")
    parts = MAT_FILES if classic else (*SPLIT_FOLDERS.values(), *MAT_FILES)
    folder = find_root(root, folder_names, parts)
    if classic:
        return _read_classic(folder, boxes, split)
    if any(os.path.isdir(os.path.join(folder, name)) for name in SPLIT_FOLDERS.values()):
        return _read_folders(folder, boxes)
    return _read_new(folder, boxes)


def _read_folders(folder, boxes):
    _check_boxes(folder, boxes)
    parts, dropped = read_parts(folder, parse_name)
    records = {
        split: tuple(ImageRecord(path, name.identity, name.camera) for path, name in part)
        for split, part in parts.items()
    }
    return ReidDataset("cuhk03", **records, dropped=dropped, version=boxes)


def _check_boxes(folder, boxes):
    """Refuses the other kind of boxes where the folder's name tells: nothing else would."""
    name = os.path.basename(os.path.abspath(folder)).lower()
    for other in BOXES:
        if other != boxes and name in (other, f"cuhk03_np_{other}"):
            raise UserError(
                f"Expected the {boxes} images of CUHK03-NP. Received: {folder!r}, whose name says {other}. "
                f"Write cuhk03+boxes={other}, or give the folder {boxes}"
            )


def _read_new(folder, boxes):
    parts = read_new_protocol(folder, boxes)
    paths = read_images(_find_mat(folder), boxes, folder)
    missing = sorted({name for part in parts.values() for name, _ in part} - set(paths))
    if missing:
        extracted = os.path.dirname(next(iter(paths.values()), os.path.join(folder, "")))
        raise UserError(
            f"Expected all images of the new protocol. Received: {extracted!r} without {len(missing)}, the first "
            f"{missing[0]}. Remove that folder, and the images are extracted again"
        )
    records = {
        split: tuple(ImageRecord(paths[name], identity, _view(name)) for name, identity in part)
        for split, part in parts.items()
    }
    return ReidDataset("cuhk03", **records, version=boxes)


def _read_classic(folder, boxes, split):
    mat = _find_mat(folder)
    test_people = read_test_sets(mat)[split]
    train, test = [], []
    for name, path in read_images(mat, boxes, folder).items():
        pair, person = map(int, name.split("_")[:2])
        part = test if (pair, person) in test_people else train
        part.append(ImageRecord(path, 1000 * pair + person, _view(name)))
    return ReidDataset("cuhk03", tuple(train), tuple(test), tuple(test), version=f"classic {boxes}")


def _find_mat(folder):
    return next(path for path in (os.path.join(folder, name) for name in MAT_FILES) if os.path.isfile(path))


def _view(name):
    """Camera of an image of the .mat file, from 0."""
    return int(name.split("_")[2]) - 1
