"""The data sets by name."""

import os
from collections.abc import Mapping, Sequence
from types import ModuleType

from qaconv_tf.datasets import (
    clonedperson,
    csv_table,
    cuhk03,
    dukemtmc,
    grid,
    ilids,
    image_folder,
    market1501,
    msmt17,
    prid,
    randperson,
    veri776,
    viper,
)
from qaconv_tf.datasets.clocks import CLOCKS, set_clock
from qaconv_tf.datasets.combined import train_on_all_parts
from qaconv_tf.datasets.records import SPLITS, ImageRecord, ReidDataset
from qaconv_tf.errors import UserError

# A reader is a module with `load(root, **options)` and `LAYOUT`, which says what it expects on disk; and where it has
# any, `OPTIONS`: each option's allowed values, the default first; `FINGERPRINTS`: the published counts of each version;
# `DISTRACTOR`: the identity of wrong answers; `IDENTITIES_RESTART`: whether query and gallery number other people from
# 0 again.
DATASETS = {
    "market1501": market1501,
    "dukemtmc": dukemtmc,
    "cuhk03": cuhk03,
    "msmt17": msmt17,
    "randperson": randperson,
    "clonedperson": clonedperson,
    "viper": viper,
    "grid": grid,
    "ilids": ilids,
    "prid": prid,
    "veri776": veri776,
    "image_folder": image_folder,
    "csv_table": csv_table,
}

# What every reader's data set can be asked for, `None` for any value; besides, a reader's own `clock`, or its only one,
# `OWN_CLOCK`, can be replaced by one of `CLOCKS`.
COMMON_OPTIONS = {"combine_all": (False, True), "clock_pattern": None, "frames_per_second": None}
OWN_CLOCK = "own"

# The names that the official QAConv uses.
ALIASES = {
    "market": ("market1501", {}),
    "duke": ("dukemtmc", {}),
    "cuhk03_np_detected": ("cuhk03", {"boxes": "detected"}),
    "cuhk03_np_labeled": ("cuhk03", {"boxes": "labeled"}),
    "msmt": ("msmt17", {}),
}


def load_dataset(name: str, root: str | os.PathLike, **options) -> ReidDataset:
    """Reads the list of a data set's images; no image is opened.

    Args:
        name: str. One of `DATASETS`, such as `"market1501"`, `"image_folder"` (a folder for each identity) or
            `"csv_table"` (a CSV file with the columns path and identity), or the official QAConv's name of it.
        root: str or path. Where it is on disk: a folder, or for `"csv_table"` also the file.
        **options: of the data set's reader: see its `OPTIONS`; and of all, `combine_all`: whether to train on all
            parts and leave query and gallery empty: see `combined.train_on_all_parts`. Defaults to `False`; `clock`:
            `"exif"`, or `"pattern"` with `clock_pattern` and `frames_per_second`: see `clocks.set_clock`. Defaults to
            the reader's own times.

    Returns:
        The `ReidDataset`. A part that the data set lacks is empty: ask for it with `require_split`.

    Raises:
        UserError: if the name or an option is unknown, `root` does not exist, holds no image or is not laid out as the
            name says.

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
    root = os.fspath(root)
    name, reader, options = find_reader(name, root, options)
    combine_all = options.pop("combine_all", False)
    clock = _take_clock(options)
    dataset = reader.load(root, **options)
    if not any(getattr(dataset, split) for split in SPLITS):
        raise UserError(
            f"Expected at least one image in the data set {name!r}. Received: root={root!r}, in which none was found. "
            f"There should be {reader.LAYOUT}"
        )
    if clock:
        dataset = set_clock(dataset, **clock)
    if combine_all:
        return train_on_all_parts(
            dataset, getattr(reader, "DISTRACTOR", None), getattr(reader, "IDENTITIES_RESTART", False)
        )
    return dataset


def _take_clock(options):
    """Takes the options of `set_clock` out, and returns them if it is to be used."""
    reading = {option: options.pop(option) for option in ("clock_pattern", "frames_per_second") if option in options}
    clock = options.get("clock")
    if clock in (OWN_CLOCK, *CLOCKS):
        del options["clock"]
    return {"clock": clock, **reading} if clock in CLOCKS else {}


def find_reader(name: str, root: str | os.PathLike, options: Mapping[str, object]) -> tuple[str, ModuleType, dict]:
    """Finds the reader of a data set, before anything is read.

    Args:
        name: str. One of `DATASETS` or of the official QAConv's names.
        root: str or path. Where it is on disk.
        options: mapping. Of the reader or of all (`COMMON_OPTIONS`), as values or as their texts.

    Returns:
        The name in `DATASETS`, the reader's module and the options as values.

    Raises:
        UserError: if the name or an option is unknown or `root` does not exist.

    Example:
        >>> from qaconv_tf.datasets.registry import find_reader
        >>> name, reader, options = find_reader("market", root=".", options={})
        >>> name, reader.__name__
        ('market1501', 'qaconv_tf.datasets.market1501')
    """
    name, preset = ALIASES.get(name, (name, {}))
    if name not in DATASETS:
        raise UserError(f"Expected a data set of {', '.join(DATASETS)}. Received: name={name!r}. Choose one of these")
    reader = DATASETS[name]
    allowed = getattr(reader, "OPTIONS", {}) | COMMON_OPTIONS
    allowed["clock"] = (*allowed.get("clock", (OWN_CLOCK,)), *CLOCKS)
    options = _checked_options(name, allowed, {**preset, **options})
    if not os.path.exists(root):
        raise UserError(
            f"Expected an existing place for the data set {name!r}. Received: root={os.fspath(root)!r}, which does not "
            f"exist. Check the path; there should be {reader.LAYOUT}"
        )
    return name, reader, options


def parse_dataset(text: str) -> tuple[str, dict[str, str], str]:
    """Takes `NAME[+OPTION[=VALUE]...][:PATH]` apart, as flags name data sets.

    Args:
        text: str.

    Returns:
        `(name, options, path)`: an option without a value is `"true"`; the path is empty where there is none.

    Example:
        >>> from qaconv_tf.datasets.registry import parse_dataset
        >>> parse_dataset("viper+split=3+swap:data/viper")
        ('viper', {'split': '3', 'swap': 'true'}, 'data/viper')
    """
    described, _, path = text.partition(":")
    name, *options = described.split("+")
    pairs = (option.partition("=") for option in options)
    return name, {option: value if equals else "true" for option, equals, value in pairs}, path


def _checked_options(name, allowed, given):
    """The given options with the reader's own values in the place of their texts."""
    checked = {}
    for option, value in given.items():
        if option not in allowed:
            raise UserError(f"Expected an option of {name!r}: {', '.join(allowed)}. Received: {option!r}. Leave it out")
        if allowed[option] is None:
            checked[option] = value
            continue
        by_text = {str(choice).lower(): choice for choice in allowed[option]}
        if str(value).lower() not in by_text:
            raise UserError(
                f"Expected {option} of {name!r} to be one of {', '.join(by_text)}. Received: {option}={value!r}"
            )
        checked[option] = by_text[str(value).lower()]
    return checked


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
