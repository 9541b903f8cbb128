"""VeRi-776: vehicles seen by twenty cameras of a city."""

import os
import re

from qaconv_tf.datasets.files import find_root, list_images
from qaconv_tf.datasets.names import ImageName, read_identity_and_camera
from qaconv_tf.datasets.records import ImageRecord, ReidDataset
from qaconv_tf.errors import UserError

LAYOUT = "the folders image_train, image_query and image_test, with images named like 0001_c001_00016450_0.jpg"
FINGERPRINTS = {
    "": {
        "train images": 37_778,
        "train identities": 576,
        "query images": 1_678,
        "query identities": 200,
        "gallery images": 11_579,
        "gallery identities": 200,
    }
}

# The name of the vendor's archive, and the names other projects give the folder.
ROOT_FOLDERS = ("VeRi", "veri", "veri776", "VeRi-776", "veri_776")
SPLIT_FOLDERS = {"train": "image_train", "query": "image_query", "gallery": "image_test"}
NAME_LISTS = {"train": "name_train.txt", "query": "name_query.txt", "gallery": "name_test.txt"}

_NAME = re.compile(r"(\d+)_c0*([1-9]\d*)_.+", re.ASCII | re.DOTALL)
_EXPECTED = "IDENTITY_cCAMERA_FRAME_BOX like 0001_c001_00016450_0.jpg, cameras from 1"


def parse_name(path: str) -> ImageName:
    """Reads identity and camera from the name of an image.

    Args:
        path: str. A path that ends in `{identity}_c{camera}_`, cameras from 1, then frame and box.

    Returns:
        An `ImageName`.

    Raises:
        UserError: if the name has another form.

    Example:
        >>> from qaconv_tf.datasets.veri776 import parse_name
        >>> parse_name("image_train/0001_c020_00016450_0.jpg")
        ImageName(identity=1, camera=19)
    """
    return read_identity_and_camera(_NAME, path, _EXPECTED)


def load(root: str | os.PathLike) -> ReidDataset:
    r"""Reads VeRi-776.

    Every query is in the gallery too: the rule that ignores a query's own identity in its own camera takes care of it.
    The same rule makes the vendor's lists of right and ignored answers (`gt_index.txt`, `jk_index.txt`), which
    are therefore not read. Where a list of names (`name_train.txt`, ...) is there, it says what is in the part.

    The third field of a name counts frames, but the frame rate is not published, so times are unknown. To assume one:
    `veri776+clock=pattern:DIR` with `--clock_pattern='_c\d+_(?P<frame>\d+)_' --frames_per_second=25`.

    Args:
        root: str or path. The folder that holds the three, or the folder around it (see `ROOT_FOLDERS`).

    Returns:
        The `ReidDataset`, each part in name order; images that the part's list does not name are dropped. A part whose
        folder is missing is empty.

    Raises:
        UserError: if none of the folders is there, an image has another form of name, or a list names an image that
            is not there.

    Reference: Liu et al., A Deep Learning-Based Approach to Progressive Vehicle Re-identification for Urban
        Surveillance, ECCV 2016.
    """
    folder = find_root(root, ROOT_FOLDERS, tuple(SPLIT_FOLDERS.values()))
    parts, dropped = {}, {}
    for part, inside in SPLIT_FOLDERS.items():
        part_folder = os.path.join(folder, inside)
        paths = list_images(part_folder) if os.path.isdir(part_folder) else []
        listed = _listed(os.path.join(folder, NAME_LISTS[part]), paths)
        parts[part] = tuple(ImageRecord(path, *parse_name(path)) for path in listed)
        if len(listed) < len(paths):
            dropped[f"not in {NAME_LISTS[part]}"] = len(paths) - len(listed)
    return ReidDataset("veri776", **parts, dropped=dropped)


def _listed(list_path, paths):
    if not paths or not os.path.isfile(list_path):
        return paths
    with open(list_path, encoding="utf-8", errors="replace") as file:
        names = set(file.read().split())
    missing = sorted(names - {os.path.basename(path) for path in paths})
    if missing:
        raise UserError(
            f"Expected all images that {list_path!r} names. Received: {len(missing)} that are not in "
            f"{os.path.dirname(paths[0])!r}, the first of them {missing[0]!r}. Unpack the archive again"
        )
    return [path for path in paths if os.path.basename(path) in names]
