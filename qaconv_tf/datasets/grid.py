"""QMUL GRID: 250 people in an underground station and 775 distractors, with ten published splits."""

import os
import re

from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from qaconv_tf.datasets.files import find_root, list_images
from qaconv_tf.datasets.names import ImageName, read_identity_and_camera
from qaconv_tf.datasets.records import ImageRecord, ReidDataset
from qaconv_tf.datasets.splits import NUMBERS
from qaconv_tf.errors import UserError

LAYOUT = (
    "the folders probe and gallery, with images named like 0005_2_25100_229_94_99_249.jpeg, and the file "
    "features_and_partitions.mat"
)
OPTIONS = {"split": NUMBERS}
# The gallery's identities are 125 people and the distractors' 0.
FINGERPRINTS = {
    "": {
        "train images": 250,
        "train identities": 125,
        "query images": 125,
        "query identities": 125,
        "gallery images": 900,
        "gallery identities": 126,
    }
}

# The name of the vendor's archive, and the names other projects give the folder.
ROOT_FOLDERS = ("underground_reid", "grid", "GRID")
PARTITIONS = "features_and_partitions.mat"
DISTRACTOR = 0

# Cameras count from 1; what follows are the frame and the box.
_NAME = re.compile(r"(\d+)_0*([1-9]\d*)_.+", re.ASCII | re.DOTALL)
_EXPECTED = "IDENTITY_CAMERA_FRAME_BOX like 0005_2_25100_229_94_99_249.jpeg, cameras from 1"


def parse_name(path: str) -> ImageName:
    """Reads identity and camera from the name of an image.

    Args:
        path: str. A path that ends in `{identity}_{camera}_`, cameras from 1, then frame and box.

    Returns:
        An `ImageName`.

    Raises:
        UserError: if the name has another form.

    Example:
        >>> from qaconv_tf.datasets.grid import parse_name
        >>> parse_name("probe/0005_2_25100_229_94_99_249.jpeg")
        ImageName(identity=5, camera=1)
    """
    return read_identity_and_camera(_NAME, path, _EXPECTED)


def load(root: str | os.PathLike, split: int = 0) -> ReidDataset:
    """Reads QMUL GRID with one of the ten splits that it publishes: 125 people to train on, 125 to search for.

    Distractors (identity 0), each a person seen once, are in the gallery. No frame rate is published, so times are
    unknown. Report mean and deviation over the ten splits.

    Args:
        root: str or path. The folder that holds probe and gallery, or the folder around it (see `ROOT_FOLDERS`).
        split: int. 0 to 9, of the splits in `features_and_partitions.mat`. Defaults to `0`.

    Returns:
        The `ReidDataset`.

    Raises:
        UserError: if a folder or the file of the splits is missing, or an image has another form of name.

    Reference: Loy, Xiang and Gong, Multi-Camera Activity Correlation Analysis, CVPR 2009.
    """
    folder = find_root(root, ROOT_FOLDERS, ("probe", "gallery"))
    probe, gallery = (_read_folder(os.path.join(folder, name)) for name in ("probe", "gallery"))
    train = _train_identities(os.path.join(folder, PARTITIONS), split)
    return ReidDataset(
        "grid",
        train=tuple(record for record in (*probe, *gallery) if record.identity in train),
        query=tuple(record for record in probe if record.identity not in train | {DISTRACTOR}),
        gallery=tuple(record for record in gallery if record.identity not in train),
    )


def _read_folder(folder):
    return [ImageRecord(path, *parse_name(path)) for path in list_images(folder)]


def _train_identities(path, split):
    """Identities to train on: the third field of a partition's structure, of which there are ten in `trainIdxAll`."""
    try:
        partition = loadmat(path, variable_names=["trainIdxAll"])["trainIdxAll"][0, split][0, 0]
        identities = {int(identity) for identity in partition[2].ravel()}
    except (OSError, ValueError, LookupError, NotImplementedError, MatReadError) as error:
        raise UserError(
            f"Expected the published splits (trainIdxAll) in {path!r}. Received: {type(error).__name__}: {error}. "
            "Take the file from the data set's archive"
        ) from error
    return identities - {DISTRACTOR}
