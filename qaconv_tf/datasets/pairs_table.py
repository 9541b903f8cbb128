"""A CSV file with a row for each pair of images: which two, and whether they show the same."""

import os
from typing import NamedTuple

from qaconv_tf.datasets.csv_table import image_file, read_rows
from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.errors import UserError

REQUIRED_COLUMNS = ("query_path", "gallery_path", "same")
OPTIONAL_COLUMNS = ("fold",)
TRUTHS = {"1": True, "true": True, "same": True, "0": False, "false": False, "different": False}


class ImagePairs(NamedTuple):
    """Pairs of images, a row each.

    Args:
        images: list of `ImageRecord`, each image once; an identity here is the image's path.
        query: list of int. Each pair's first image.
        gallery: list of int. Each pair's second image.
        same: list of bool. Whether the pair shows one identity.
        folds: list of str, or None where the file has no such column.
    """

    images: list[ImageRecord]
    query: list[int]
    gallery: list[int]
    same: list[bool]
    folds: list[str] | None


def load_pairs(path: str | os.PathLike) -> ImagePairs:
    r"""Reads pairs of images listed in a CSV file (UTF-8, comma-separated, with a header).

    Columns, in any order; others are ignored:

    - `query_path`, `gallery_path`, required: the images, absolute or relative to the CSV's folder.
    - `same`, required: `1`, `true` or `same`; `0`, `false` or `different`.
    - `fold`: any text, which part of the pairs this one belongs to. Without it the order of the rows tells.

    Args:
        path: str or path. The file.

    Returns:
        An `ImagePairs`, in the order of the rows.

    Raises:
        UserError: if the file is missing or unreadable, lacks a required column, has no row, or a row without such
            image files or with another word in `same`.

    Example:
        >>> import pathlib, tempfile
        >>> from qaconv_tf.datasets.pairs_table import load_pairs
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("a.jpg", "b.jpg", "c.jpg"):
        ...         pathlib.Path(folder, name).touch()
        ...     table = pathlib.Path(folder, "pairs.csv")
        ...     _ = table.write_text("query_path,gallery_path,same\na.jpg,b.jpg,1\na.jpg,c.jpg,0\n")
        ...     pairs = load_pairs(table)
        >>> pairs.query, pairs.gallery, pairs.same, len(pairs.images)
        ([0, 0], [1, 2], [True, False], 3)
    """
    path = os.fspath(path)
    columns, rows = read_rows(path, REQUIRED_COLUMNS, OPTIONAL_COLUMNS)
    if not rows:
        raise UserError(f"Expected a row for each pair. Received: {path!r} with a header only")
    numbers = {}
    sides = [
        [numbers.setdefault(image_file(row, os.path.dirname(path), column), len(numbers)) for row in rows]
        for column in ("query_path", "gallery_path")
    ]
    images = [ImageRecord(image, identity=image) for image in numbers]
    folds = [row.cells["fold"] for row in rows] if "fold" in columns else None
    return ImagePairs(images, *sides, [_truth(row) for row in rows], folds)


def _truth(row):
    word = row.cells["same"].lower()
    if word not in TRUTHS:
        raise UserError(
            f"Expected same to be one of {', '.join(TRUTHS)}. Received: {row.where}: same={row.cells['same']!r}"
        )
    return TRUTHS[word]
