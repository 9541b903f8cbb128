"""Splits at random that any laboratory can make again, and a file that passes on the splits in use."""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence

from qaconv_tf.datasets.records import SPLITS, ImageRecord, ReidDataset
from qaconv_tf.errors import UserError

# The field reports the mean and the standard deviation over ten splits.
NUMBERS = tuple(range(10))
# In the folder that holds the images, or the cameras' folders.
SAVED_SPLITS = "qaconv_splits.json"


def shuffled(items: Iterable[int | str], *seed: int | str) -> list[int | str]:
    """Puts items into an order that looks random and that any machine, version and language finds again.

    It is the order of the SHA-256 of `seed/.../item`, written out as text: no generator's stream is involved, and no
    item's place depends on what other items there are.

    Args:
        items: iterable of int or str, each once.
        *seed: what the order depends on besides, such as the data set's name and the number of the split.

    Returns:
        A list of the items.

    Example:
        >>> from qaconv_tf.datasets.splits import shuffled
        >>> shuffled(range(6), "viper", 0)
        [0, 4, 5, 2, 3, 1]
    """
    return sorted(items, key=lambda item: hashlib.sha256("/".join(map(str, (*seed, item))).encode()).digest())


def left_out(records: Sequence[ImageRecord], parts: dict[str, Sequence[ImageRecord]]) -> dict[str, int]:
    """Returns how many of the records are in no part, as `ReidDataset.dropped` has it; empty if none.

    Args:
        records: sequence of `ImageRecord`, those on disk.
        parts: records by part.

    Returns:
        `{"outside the split": n}` or `{}`.
    """
    used = {record.path for part in parts.values() for record in part}
    count = sum(record.path not in used for record in records)
    return {"outside the split": count} if count else {}


def read_split(folder: str, split: int, records: Sequence[ImageRecord]) -> dict[str, tuple[ImageRecord, ...]]:
    """Reads a split from the file `SAVED_SPLITS`, as `write_splits` writes it.

    Args:
        folder: str. Holds the file; the paths in it are relative to this folder.
        split: int. Number of the split.
        records: sequence of `ImageRecord`, those on disk.

    Returns:
        Records by part, each part in the order of the file.

    Raises:
        UserError: if the file is missing, has another form or no such split, or names an image that is not there.
    """
    path = os.path.join(folder, SAVED_SPLITS)
    try:
        with open(path, encoding="utf-8") as file:
            saved = json.load(file)[split]
        names = {part: [str(name) for name in saved[part]] for part in SPLITS}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(
            f"Expected split {split} in {path!r}: a list with a mapping for each split, of train, query and gallery to "
            f"image files. Received: {type(error).__name__}: {error}. Make the file with write_splits, or leave the "
            "option saved out"
        ) from error
    by_name = {_relative(record.path, folder): record for record in records}
    missing = [name for part in names.values() for name in part if name not in by_name]
    if missing:
        raise UserError(
            f"Expected all images that {path!r} names. Received: {len(missing)} that are not in {folder!r}, the first "
            f"of them {missing[0]!r}. Add them, or take a file that was made for this copy"
        )
    return {part: tuple(by_name[name] for name in names[part]) for part in SPLITS}


def write_splits(datasets: Sequence[ReidDataset], path: str | os.PathLike) -> None:
    """Writes the splits in use, so that another laboratory can evaluate on the very same.

    Put the file into the folder that holds the images (or the cameras' folders) and ask for the splits with the option
    `saved`, such as `viper+saved+split=3`. Write splits that are not swapped: `swap` works on saved ones too.

    Args:
        datasets: sequence of `ReidDataset`, one data set split in several ways, split 0 first.
        path: str or path. The file, JSON; `SAVED_SPLITS` is the name that is read.

    Raises:
        UserError: if the file cannot be written.

    Example:
        >>> import json, os, pathlib, tempfile
        >>> from qaconv_tf.datasets import load_dataset
        >>> from qaconv_tf.datasets.splits import write_splits
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for name in ("cam_a/000_45.bmp", "cam_b/000_90.bmp", "cam_a/001_0.bmp", "cam_b/001_90.bmp"):
        ...         pathlib.Path(root, name).parent.mkdir(exist_ok=True)
        ...         pathlib.Path(root, name).touch()
        ...     path = os.path.join(root, "qaconv_splits.json")
        ...     write_splits([load_dataset("viper", root, split=number) for number in range(10)], path)
        ...     json.loads(pathlib.Path(path).read_text())[3]["train"]
        ['cam_a/000_45.bmp', 'cam_b/000_90.bmp']
    """
    folder = os.path.commonpath([record.path for record in _all_records(datasets)])
    splits = [
        {part: [_relative(record.path, folder) for record in getattr(dataset, part)] for part in SPLITS}
        for dataset in datasets
    ]
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(splits, file, indent=1)
    except OSError as error:
        raise UserError(
            f"Expected a file that can be written. Received: path={os.fspath(path)!r} ({error.strerror}). Choose "
            "another place"
        ) from error


def _all_records(datasets):
    return [record for dataset in datasets for part in SPLITS for record in getattr(dataset, part)]


def _relative(path, folder):
    return os.path.relpath(path, folder).replace(os.sep, "/")
