"""A CSV file of labels that were wrong -> the same data set with these labels changed."""

import collections
import dataclasses
import os
from collections.abc import Sequence
from typing import NamedTuple

from qaconv_tf.datasets.csv_table import read_rows
from qaconv_tf.datasets.records import ReidDataset
from qaconv_tf.errors import UserError

REQUIRED_COLUMNS = ("path", "identity")
OPTIONAL_COLUMNS = ("dataset", "was")
LEFT_OUT = "-1"


class LabelFix(NamedTuple):
    """One row.

    Args:
        where: str. Where it stands, for messages.
        path: str. The image: the end of its path, whole names.
        identity: str. What it is; -1 to leave it out.
        dataset: str. The data set, as the flag named it; empty for any.
        was: str. What the image must have been until now; empty for anything.
    """

    where: str
    path: str
    identity: str
    dataset: str
    was: str


def read_label_fixes(path: str | os.PathLike) -> list[LabelFix]:
    r"""Reads the fixes that a report's failure explorer has saved (a CSV file, UTF-8, with a header).

    Columns, in any order; others are ignored:

    - `path`, required: the image, as the end of its path.
    - `identity`, required: what the image shows. -1 leaves the image out: in the gallery it is ignored, and a query
      is skipped.
    - `dataset`: the data set, as `--test_datasets` names it. Empty: whichever has such an image.
    - `was`: the label until now, so that a fix is not applied twice, or to another version of the data set.

    Args:
        path: str or path. The file.

    Returns:
        A list of `LabelFix`, in the order of the rows.

    Raises:
        UserError: if the file is missing or unreadable, lacks a required column, or has a row without path or
            identity.

    Example:
        >>> import pathlib, tempfile
        >>> from qaconv_tf.datasets.label_fixes import read_label_fixes
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     table = pathlib.Path(folder, "label_fixes.csv")
        ...     _ = table.write_text("path,was,identity\nquery/a.jpg,7,3\n")
        ...     [fix] = read_label_fixes(table)
        >>> fix.path, fix.was, fix.identity
        ('query/a.jpg', '7', '3')
    """
    _, rows = read_rows(os.fspath(path), REQUIRED_COLUMNS, OPTIONAL_COLUMNS)
    for row in rows:
        for column in REQUIRED_COLUMNS:
            if not row.cells[column]:
                received = f"Received: {row.where}: an empty one"
                raise UserError(f"Expected a cell with the {column}. {received}. Fill it or remove the row")
    optional = [[row.cells.get(column, "") for column in OPTIONAL_COLUMNS] for row in rows]
    return [
        LabelFix(row.where, row.cells["path"], row.cells["identity"], *more)
        for row, more in zip(rows, optional, strict=True)
    ]


def apply_label_fixes(datasets: Sequence[ReidDataset], fixes: Sequence[LabelFix]) -> list[ReidDataset]:
    """Returns data sets with queries and gallery relabelled; training parts stay as they are.

    The images and their order stay the same, so what was extracted of them still belongs to them.

    Args:
        datasets: sequence of `ReidDataset`.
        fixes: sequence of `LabelFix`.

    Returns:
        A list of `ReidDataset`.

    Raises:
        UserError: if a fix fits no image or several, an image was labelled otherwise, or an identity is no number
            where those of the data set are.

    Example:
        >>> from qaconv_tf.datasets.label_fixes import LabelFix, apply_label_fixes
        >>> from qaconv_tf.datasets.records import ImageRecord, ReidDataset
        >>> pets = ReidDataset("pets", (), [ImageRecord("root/q/a.jpg", 7)], [ImageRecord("root/g/a.jpg", 7)])
        >>> [fixed] = apply_label_fixes([pets], [LabelFix("line 2", "g/a.jpg", "3", "", "7")])
        >>> fixed.query[0].identity, fixed.gallery[0].identity
        (7, 3)
    """
    paths = collections.defaultdict(set)  # file name -> (data set's number, path)
    for number, dataset in enumerate(datasets):
        for record in (*dataset.query, *dataset.gallery):
            paths[os.path.basename(record.path)].add((number, record.path))
    fixed = {}
    for fix in fixes:
        at = _fitting(fix, paths[os.path.basename(fix.path)], datasets)
        if fixed.setdefault(at, fix).identity != fix.identity:
            raise UserError(
                f"Expected one fix of an image. Received: {fix.where}: path={fix.path!r} becomes {fix.identity}, and "
                f"{fixed[at].identity} by {fixed[at].where}. Remove one of them"
            )
    return [
        dataclasses.replace(
            dataset,
            **{
                part: tuple(_relabelled(record, fixed.get((number, record.path))) for record in getattr(dataset, part))
                for part in ("query", "gallery")
            },
        )
        for number, dataset in enumerate(datasets)
    ]


def _fitting(fix, candidates, datasets):
    """The one image that a fix means, as (data set's number, path)."""
    end = os.sep + fix.path
    found = [
        (number, path)
        for number, path in sorted(candidates)
        if (os.sep + path).endswith(end) and fix.dataset in ("", datasets[number].name)
    ]
    if len(found) != 1:
        names = ", ".join(dataset.name for dataset in datasets)
        raise UserError(
            f"Expected one image that a fix means. Received: {fix.where}: path={fix.path!r}, dataset={fix.dataset!r}, "
            f"which is {len(found) or 'none'} of the queries and gallery images of {names}. Write more of its path, or "
            "the data set as --test_datasets names it"
        )
    return found[0]


def _relabelled(record, fix):
    if fix is None:
        return record
    if fix.was and fix.was != str(record.identity):
        raise UserError(
            f"Expected an image labelled {fix.was}. Received: {fix.where}: {record.path!r} is labelled "
            f"{record.identity}. This fix is of another version of the data set; remove the row"
        )
    return dataclasses.replace(record, identity=_identity(fix, record))


def _identity(fix, record):
    if fix.identity != LEFT_OUT and isinstance(record.identity, str):
        return fix.identity
    try:
        return int(fix.identity)
    except ValueError as error:
        raise UserError(
            f"Expected a number, as are all identities of this data set. Received: {fix.where}: "
            f"identity={fix.identity!r}. Write a number, or -1 to leave the image out"
        ) from error
