"""Two cameras that have seen the same people once each, split at random: VIPeR and PRID."""

import os
from collections.abc import Callable

from qaconv_tf.datasets import splits
from qaconv_tf.datasets.files import list_images
from qaconv_tf.datasets.records import ImageRecord

CAMERA_FOLDERS = ("cam_a", "cam_b")

_Parts = dict[str, tuple[ImageRecord, ...]]


def read_pairs(
    name: str, folder: str, parse_name: Callable[[str], int], split: int, saved: bool, last_shared: float = float("inf")
) -> tuple[_Parts, dict[str, int]]:
    """Reads the images of two cameras and splits them: half of the people to train on, the others to search for.

    cam_a asks, cam_b answers. Images of cam_a without a partner in cam_b are in no part; those of cam_b without a
    partner are all in the gallery. People are paired by their identity, not by their place in the folder, which one
    missing file would shift.

    Args:
        name: str. The data set's, part of the seed.
        folder: str. Holds cam_a and cam_b.
        parse_name: function of a path that returns the identity.
        split: int. Number of the split, part of the seed.
        saved: bool. Whether to take the split from the file `splits.SAVED_SPLITS` in the folder.
        last_shared: number. Equal identities above this are different people. Defaults to infinity.

    Returns:
        `(parts, dropped)`: records by part, and how many are in none, as `ReidDataset` has them.

    Raises:
        UserError: if a camera's folder cannot be read, the saved split is missing, or as `parse_name`.
    """
    first, second = (_read_camera(folder, camera, parse_name) for camera in range(2))
    records = [*first, *second]
    parts = splits.read_split(folder, split, records) if saved else _divide(name, split, first, second, last_shared)
    return parts, splits.left_out(records, parts)


def _read_camera(folder, camera, parse_name):
    paths = list_images(os.path.join(folder, CAMERA_FOLDERS[camera]))
    return [ImageRecord(path, parse_name(path), camera) for path in paths]


def _divide(name, split, first, second, last_shared):
    shared = {record.identity for record in first} & {record.identity for record in second}
    order = splits.shuffled((identity for identity in shared if identity <= last_shared), name, split)
    train = set(order[: len(order) // 2])
    test = set(order) - train
    return {
        "train": tuple(record for record in (*first, *second) if record.identity in train),
        "query": tuple(record for record in first if record.identity in test),
        "gallery": tuple(record for record in second if record.identity not in train),
    }
