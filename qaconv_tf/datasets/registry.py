"""The data sets by name."""

import os
from collections.abc import Sequence

from qaconv_tf.datasets import csv_table, image_folder, market1501
from qaconv_tf.datasets.records import SPLITS, ImageRecord, ReidDataset
from qaconv_tf.errors import UserError

# A reader is a module with `load(root)` and `LAYOUT`, which says what it expects on disk.
DATASETS = {"market1501": market1501, "image_folder": image_folder, "csv_table": csv_table}


def load_dataset(name: str, root: str | os.PathLike) -> ReidDataset:
    """Reads the list of a data set's images; no image is opened.

    Args:
        name: str. One of `DATASETS`: `"market1501"` (three folders with the names of Market-1501), `"image_folder"`
            (a folder for each identity) or `"csv_table"` (a CSV file with the columns path and identity).
        root: str or path. Where it is on disk: a folder, or for `"csv_table"` also the file.

    Returns:
        The `ReidDataset`. A part that the data set lacks is empty: ask for it with `require_split`.

    Raises:
        UserError: if the name is unknown, `root` does not exist, holds no image or is not laid out as the name says.

    Example:
        >>> import pathlib, tempfile
        >>> import qaconv_tf.datasets
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("rex/1.jpg", "rex/2.jpg", "tom/1.jpg"):
        ...         pathlib.Path(root, name).parent.mkdir(exist_ok=True)
        ...         pathlib.Path(root, name).touch()
        ...     dataset = qaconv_tf.datasets.load_dataset("image_folder", root)
        >>> len(dataset.train), len(dataset.query), len(dataset.gallery)
        (3, 1, 2)
    """
    if name not in DATASETS:
        raise UserError(f"Expected a data set of {', '.join(DATASETS)}. Received: name={name!r}. Choose one of these")
    root = os.fspath(root)
    if not os.path.exists(root):
        raise UserError(
            f"Expected an existing place for the data set {name!r}. Received: root={root!r}, which does not exist. "
            f"Check the path; there should be {DATASETS[name].LAYOUT}"
        )
    dataset = DATASETS[name].load(root)
    if not any(getattr(dataset, split) for split in SPLITS):
        raise UserError(
            f"Expected at least one image in the data set {name!r}. Received: root={root!r}, in which none was found. "
            f"There should be {DATASETS[name].LAYOUT}"
        )
    return dataset


def require_split(dataset: ReidDataset, split: str) -> Sequence[ImageRecord]:
    """Returns the images of one part of a data set, which must not be empty.

    Args:
        dataset: `ReidDataset`.
        split: str. `"train"`, `"query"` or `"gallery"`.

    Returns:
        The part's `ImageRecord`s, at least one.

    Raises:
        UserError: if the part is empty.

    Example:
        >>> from qaconv_tf.datasets import ImageRecord, ReidDataset, require_split
        >>> dataset = ReidDataset("csv_table", train=[ImageRecord("a.jpg", "rex")], query=[], gallery=[])
        >>> len(require_split(dataset, "train"))
        1
    """
    records = getattr(dataset, split)
    if not records:
        counts = ", ".join(f"{len(getattr(dataset, part))} {part}" for part in SPLITS)
        layout = f": {DATASETS[dataset.name].LAYOUT}" if dataset.name in DATASETS else ""
        raise UserError(
            f"Expected images in the {split} part of the data set {dataset.name!r}. Received: {counts}. "
            f"Choose a data set that has this part, or add the images{layout}"
        )
    return records
