"""PRID 2011, its single images: 200 people seen by both cameras, 549 more in the gallery; split at random."""

import os
import re

from qaconv_tf.datasets.camera_pairs import read_pairs
from qaconv_tf.datasets.files import find_root
from qaconv_tf.datasets.names import match_name
from qaconv_tf.datasets.records import ReidDataset
from qaconv_tf.datasets.splits import NUMBERS

LAYOUT = "the folders single_shot/cam_a and single_shot/cam_b, with images named like person_0001.png"
OPTIONS = {"split": NUMBERS, "saved": (False, True)}
FINGERPRINTS = {
    "": {
        "train images": 200,
        "train identities": 100,
        "query images": 100,
        "query identities": 100,
        "gallery images": 649,
        "gallery identities": 649,
    }
}

# The name in the vendor's archive, and the names other projects give the folder.
ROOT_FOLDERS = ("prid_2011", "prid2011", "prid")
# From 201 on the two cameras number different people by the same numbers.
LAST_SHARED = 200

_NAME = re.compile(r"person_0*([1-9]\d*)\.\w+", re.ASCII)
_EXPECTED = "like person_0001.png"


def parse_name(path: str) -> int:
    """Reads the identity from the name of an image.

    Args:
        path: str. A path that ends in `person_{identity}`, from 1, then a suffix.

    Returns:
        The identity.

    Raises:
        UserError: if the name has another form.

    Example:
        >>> from qaconv_tf.datasets.prid import parse_name
        >>> parse_name("single_shot/cam_a/person_0001.png")
        1
    """
    return int(match_name(_NAME, path, _EXPECTED).group(1))


def load(root: str | os.PathLike, split: int = 0, saved: bool = False) -> ReidDataset:
    """Reads PRID 2011's single-shot images: 100 people to train on; cam_a asks for 100 others among 649 in cam_b.

    Only the people 1 to 200 are the same in both cameras: from 201 on a number means one person in cam_a and another
    in cam_b, so cam_a's (201 to 385) are dropped and cam_b's (201 to 749) are in the gallery as wrong answers. The
    split is a function of its number and of the identities alone (`splits.shuffled`); report mean and deviation over
    the ten splits.

    Args:
        root: str or path. The folder that holds single_shot, or the folder around it (see `ROOT_FOLDERS`).
        split: int. 0 to 9. Defaults to `0`.
        saved: bool. Take the split from the file `splits.SAVED_SPLITS` in single_shot. Defaults to `False`.

    Returns:
        The `ReidDataset`.

    Raises:
        UserError: if a camera's folder is missing, an image has another form of name, or the saved split is missing.

    Reference: Hirzer et al., Person Re-Identification by Descriptive and Discriminative Classification, SCIA 2011.
    """
    folder = os.path.join(find_root(root, ROOT_FOLDERS, ("single_shot",)), "single_shot")
    parts, dropped = read_pairs("prid", folder, parse_name, split, saved, LAST_SHARED)
    return ReidDataset("prid", **parts, dropped=dropped)
