"""A folder of images for each identity: root/identity/*.jpg."""

import os

from qaconv_tf.datasets.files import list_folders, list_images
from qaconv_tf.datasets.records import SPLITS, ImageRecord, ReidDataset, split_by_first_image

LAYOUT = "a folder of images for each identity (identity/*.jpg), in ROOT or in ROOT/train, ROOT/query and ROOT/gallery"


def load(root: str | os.PathLike) -> ReidDataset:
    """Reads a data set in which the name of an image's folder is its identity.

    If `root` holds any of the folders `train`, `query` and `gallery`, these hold the identities' folders, and a part
    without a folder is empty. Otherwise `root` holds them, and `split_by_first_image` makes the parts. Cameras and
    timestamps are unknown; `clocks.set_clock` reads them from the paths or from EXIF, and `csv_table` has columns for
    them.

    Args:
        root: str or path. An existing folder.

    Returns:
        The `ReidDataset`; identities are the folders' names, also where they look like numbers.

    Raises:
        UserError: if a folder cannot be read.
    """
    folders = {os.path.basename(folder): folder for folder in list_folders(root)}
    if not any(split in folders for split in SPLITS):
        return split_by_first_image("image_folder", _read_identities(root))
    parts = {split: _read_identities(folders[split]) if split in folders else () for split in SPLITS}
    return ReidDataset("image_folder", **parts)


def _read_identities(folder):
    return tuple(
        ImageRecord(path, os.path.basename(identity_folder))
        for identity_folder in list_folders(folder)
        for path in list_images(identity_folder)
    )
