"""A CSV file with a row for each image: path, identity and, where known, camera, timestamp and split."""

import csv
import math
import os
from typing import NamedTuple

from qaconv_tf.datasets.files import list_files
from qaconv_tf.datasets.records import SPLITS, ImageRecord, ReidDataset, split_by_first_image
from qaconv_tf.errors import UserError

LAYOUT = "a CSV file with the columns path and identity and, if wanted, camera, timestamp and split, one row an image"

REQUIRED_COLUMNS = ("path", "identity")
OPTIONAL_COLUMNS = ("camera", "timestamp", "split")


class Row(NamedTuple):
    """One row: where it stands, for messages, and its cells by column, stripped of surrounding blanks."""

    where: str
    cells: dict[str, str]


def load(root: str | os.PathLike) -> ReidDataset:
    """Reads a data set listed in a CSV file (UTF-8, comma-separated, with a header).

    Columns, in any order; others are ignored:

    - `path`, required: the image file, absolute or relative to the CSV's folder.
    - `identity`, required: any text.
    - `camera`: any text; cameras are numbered from 0 in sorted order, numbers as numbers and before other text.
      An empty cell is an unknown camera.
    - `timestamp`: seconds. An empty cell is an unknown time. Without this column `clocks.set_clock` may read the times
      from the paths or from EXIF.
    - `split`: `train`, `query` or `gallery`. Without this column `split_by_first_image` makes the parts.

    Args:
        root: str or path. The CSV file, or a folder that holds exactly one.

    Returns:
        The `ReidDataset`, in the order of the rows where the file has a `split` column.

    Raises:
        UserError: if the file is missing or unreadable, lacks a required column, or has a row with no identity, no
            such image file, a timestamp that is not a number or an unknown split.
    """
    csv_path = _find_csv(root)
    columns, rows = read_rows(csv_path, REQUIRED_COLUMNS, OPTIONAL_COLUMNS)
    camera_numbers = number_cameras([row.cells.get("camera", "") for row in rows])
    records = [_record(row, os.path.dirname(csv_path), camera_numbers) for row in rows]
    if "split" not in columns:
        return split_by_first_image("csv_table", records)
    parts = {split: [] for split in SPLITS}
    for row, record in zip(rows, records, strict=True):
        parts[_split(row)].append(record)
    return ReidDataset("csv_table", **{split: tuple(part) for split, part in parts.items()})


def number_cameras(names: list[str]) -> dict[str, int | None]:
    """Numbers cameras from 0 in sorted order: numbers by value, then other text.

    Args:
        names: list of str, with repetitions; the empty name means that the camera is unknown.

    Returns:
        Camera by name, `None` for the empty name.

    Example:
        >>> from qaconv_tf.datasets.csv_table import number_cameras
        >>> number_cameras(["10", "2", "", "gate", "2"])
        {'': None, '2': 0, '10': 1, 'gate': 2}
    """
    known = sorted(set(names) - {""}, key=_camera_order)
    return {"": None, **{name: camera for camera, name in enumerate(known)}}


def _camera_order(name):
    value = _finite_number(name)
    # The name itself comes last: "1" and "01" are two cameras of one value.
    return (1, 0.0, name) if value is None else (0, value, name)


def _finite_number(text):
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _find_csv(root):
    root = os.fspath(root)
    if not os.path.isdir(root):
        return root
    found = list_files(root, (".csv",))
    if len(found) != 1:
        names = [os.path.basename(path) for path in found]
        raise UserError(
            f"Expected exactly one CSV file in the folder. Received: root={root!r} with {len(names)}: {names}. "
            "Pass the path of the file itself"
        )
    return found[0]


def read_rows(csv_path: str, required: tuple[str, ...], optional: tuple[str, ...]) -> tuple[list[str], list[Row]]:
    r"""Reads the header and the rows of a CSV file (UTF-8, comma-separated).

    Args:
        csv_path: str. The file.
        required: columns that the header must have.
        optional: columns that it may have, for messages.

    Returns:
        The names of all columns, and a `Row` for each line.

    Raises:
        UserError: if the file cannot be read or lacks a required column.

    Example:
        >>> import os, tempfile
        >>> from qaconv_tf.datasets.csv_table import read_rows
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "table.csv")
        ...     with open(path, "w") as file:
        ...         _ = file.write("path, identity\na.jpg, ann\n")
        ...     columns, rows = read_rows(path, ("path", "identity"), ())
        >>> columns, rows[0].cells
        (['path', 'identity'], {'path': 'a.jpg', 'identity': 'ann'})
    """
    try:
        # "utf-8-sig" also reads files without the mark that spreadsheet programs put first.
        with open(csv_path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = [column.strip() for column in reader.fieldnames or ()]
            _check_columns(csv_path, columns, required, optional)
            reader.fieldnames = columns
            rows = [Row(f"{csv_path!r}, line {reader.line_num}", _cells(row)) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"Expected a readable CSV file in UTF-8. Received: {csv_path!r} ({error}). Save it as CSV, UTF-8"
        ) from error
    return columns, rows


def _check_columns(csv_path, columns, required, optional):
    missing = [column for column in required if column not in columns]
    if missing:
        raise UserError(
            f"Expected the columns {', '.join(required)} and, if wanted, {', '.join(optional)}, "
            f"separated by commas. Received: {csv_path!r} with the columns {columns}. Add {' and '.join(missing)}"
        )


def _cells(row):
    # A short row's missing cells are None; a long row's surplus is a list under the key None.
    return {column: (cell or "").strip() for column, cell in row.items() if column is not None}


def image_file(row: Row, folder: str, column: str = "path") -> str:
    """Returns the path of the image that a row names in a column, absolute or relative to the CSV's folder.

    Raises:
        UserError: if there is no such file.
    """
    path = os.path.join(folder, row.cells[column])
    if not os.path.isfile(path):
        raise UserError(
            f"Expected an image file. Received: {row.where}: {column}={row.cells[column]!r}, and there is no file "
            f"{path!r}. Paths are absolute or relative to the CSV's folder"
        )
    return path


def _record(row, folder, camera_numbers):
    path = image_file(row, folder)
    if not row.cells["identity"]:
        raise UserError(f"Expected an identity. Received: {row.where}: an empty cell. Fill it or remove the row")
    return ImageRecord(path, row.cells["identity"], camera_numbers[row.cells.get("camera", "")], _timestamp(row))


def _timestamp(row):
    text = row.cells.get("timestamp", "")
    if not text:
        return None
    seconds = _finite_number(text)
    if seconds is None:
        raise UserError(
            f"Expected a timestamp in seconds. Received: {row.where}: timestamp={text!r}. "
            "Write a number, or leave the cell empty"
        )
    return seconds


def _split(row):
    split = row.cells["split"]
    if split not in SPLITS:
        raise UserError(
            f"Expected a split of {', '.join(SPLITS)}. Received: {row.where}: split={split!r}. "
            "Write one of these, or remove the column to have the images split by rule"
        )
    return split
