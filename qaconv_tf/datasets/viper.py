"""VIPeR: 632 people, each with one image from each of two cameras; split at random."""

import os
import re

from qaconv_tf.datasets.camera_pairs import CAMERA_FOLDERS, read_pairs
from qaconv_tf.datasets.files import find_root
from qaconv_tf.datasets.names import match_name
from qaconv_tf.datasets.records import ReidDataset
from qaconv_tf.datasets.splits import NUMBERS

LAYOUT = "the folders cam_a and cam_b, with images named like 000_45.bmp"
OPTIONS = {"split": NUMBERS, "swap": (False, True), "saved": (False, True)}
FINGERPRINTS = {
    "": {
        "train images": 632,
        "train identities": 316,
        "query images": 316,
        "query identities": 316,
        "gallery images": 316,
        "gallery identities": 316,
    }
}

# The name of the vendor's archives, and the names other projects give the folder.
ROOT_FOLDERS = ("VIPeR", "viper", "VIPeR.v1.0")

# Identity and angle of view. The identities have gaps, from 0 to 873.
_NAME = re.compile(r"(\d+)_\d+\.\w+", re.ASCII)
_EXPECTED = "IDENTITY_ANGLE like 000_45.bmp"


def parse_name(path: str) -> int:
    """Reads the identity from the name of an image.

    Args:
        path: str. A path that ends in `{identity}_{angle}`, then a suffix.

    Returns:
        The identity.

    Raises:
        UserError: if the name has another form.

    Example:
        >>> from qaconv_tf.datasets.viper import parse_name
        >>> parse_name("cam_a/000_45.bmp")
        0
    """
    return int(match_name(_NAME, path, _EXPECTED).group(1))


def load(root: str | os.PathLike, split: int = 0, swap: bool = False, saved: bool = False) -> ReidDataset:
    """Reads VIPeR, split at random: half of the people to train on; cam_a asks for the others in cam_b.

    The split is a function of its number and of the identities alone (`splits.shuffled`). The data set publishes
    none, so results compare only with results on the same splits; report mean and deviation over the ten splits in
    both directions.

    Args:
        root: str or path. The folder that holds cam_a and cam_b, or the folder around it (see `ROOT_FOLDERS`).
        split: int. 0 to 9. Defaults to `0`.
        swap: bool. Search with cam_b in cam_a. Trained on is the same. Defaults to `False`.
        saved: bool. Take the split from the file `splits.SAVED_SPLITS` beside the cameras' folders. Defaults to
            `False`.

    Returns:
        The `ReidDataset`. Images of the query's camera without a partner in the other are dropped.

    Raises:
        UserError: if a camera's folder is missing, an image has another form of name, or the saved split is missing.

    Reference: Gray, Brennan and Tao, Evaluating Appearance Models for Recognition, Reacquisition, and Tracking,
        PETS 2007.
    """
    folder = find_root(root, ROOT_FOLDERS, CAMERA_FOLDERS)
    parts, dropped = read_pairs("viper", folder, parse_name, split, saved)
    if swap:
        parts["query"], parts["gallery"] = parts["gallery"], parts["query"]
    return ReidDataset("viper", **parts, dropped=dropped)
