"""MSMT17, version 1 and version 2, whose faces are blurred."""

import datetime
import os
import re
from typing import NamedTuple

from qaconv_tf.datasets.files import find_root
from qaconv_tf.datasets.records import ImageRecord, ReidDataset
from qaconv_tf.errors import UserError

LAYOUT = (
    "the files list_train.txt, list_val.txt, list_query.txt, list_gallery.txt and the folders train and test (V1) or "
    "mask_train_v2 and mask_test_v2 (V2)"
)
OPTIONS = {"val": (True, False), "clock": ("none", "names")}

_PUBLISHED_TEST = {
    "query images": 11_659,
    "query identities": 3_060,
    "gallery images": 82_161,
    "gallery identities": 3_060,
}
_PUBLISHED = {
    "": {"train images": 32_621, "train identities": 1_041} | _PUBLISHED_TEST,
    " without val": {"train images": 30_248, "train identities": 1_041} | _PUBLISHED_TEST,
    " combine_all": {"train images": 126_441, "train identities": 4_101},
}
# The two versions show the same images.
FINGERPRINTS = {version + variant: counts for version in ("V1", "V2") for variant, counts in _PUBLISHED.items()}

# QAConv's name first, for those who followed it; then the archives', and torchreid's around these.
ROOT_FOLDERS = ("msmt", "MSMT17_V1", "MSMT17_V2", "msmt17", "MSMT17")
VERSIONS = {"V1": ("train", "test"), "V2": ("mask_train_v2", "mask_test_v2")}
LISTS = {"train": "list_train.txt", "val": "list_val.txt", "query": "list_query.txt", "gallery": "list_gallery.txt"}
# Training and test identities both count from 0, and are different people.
IDENTITIES_RESTART = True

# Nothing official. 180 hours of video by 15 cameras in 12 sittings are an hour a sitting; the numbers in the names run
# to about 1,800 in each, and people pass a camera within a few of them.
SITTING_HOURS = {"morning": 9, "noon": 12, "afternoon": 15}
SECONDS_PER_NUMBER = 2.0

_CAMERA = re.compile(r"\d+_\d+_0*([1-9]\d*)_.*", re.ASCII)
_TIME = re.compile(r"\d+_\d+_\d+_(\d\d)(\d\d)(morning|noon|afternoon)_(\d+)_.*", re.ASCII)


class _Line(NamedTuple):
    """One line of a list: where it stands, for messages, the image's path as it says, and its identity."""

    where: str
    image: str
    identity: int


def load(root: str | os.PathLike, val: bool = True, clock: str = "none") -> ReidDataset:
    """Reads MSMT17; which version it is, the names of the folders say.

    Training and test identities are different people with the same numbers; `combine_all` of `load_dataset` adds to
    those of the test part.

    Args:
        root: str or path. The folder that holds the lists, or a folder around it (see `ROOT_FOLDERS`): of several,
            the first one in their order.
        val: bool. Whether to train on the images of list_val.txt too, which show the training identities: QAConv
            always does, torchreid and fast-reid do not. Defaults to `True`.
        clock: str. `"names"` estimates timestamps from the names: date, sitting (taken to start at 9, 12 and 15
            o'clock) and number, 2 seconds each. This is a guess at what the names mean; the official QAConv holds that
            the set has no times, and there are no published results with them. Defaults to `"none"`.

    Returns:
        The `ReidDataset`, each part in the order of its list; training images of list_val.txt come last.

    Raises:
        UserError: if a list or the images' folders are missing, a list names images that are not there, or a line or
            an image's name has another form.

    Reference: Wei et al., Person Transfer GAN to Bridge Domain Gap for Person Re-Identification, CVPR 2018.
    """
    folder = find_root(root, ROOT_FOLDERS, tuple(LISTS.values()))
    version = _find_version(folder)
    train_folder, test_folder = (os.path.join(folder, name) for name in VERSIONS[version])
    lists = {part: _read_list(folder, name) for part, name in LISTS.items() if val or part != "val"}
    train = (*lists["train"], *lists.get("val", ()))
    parts = {"train": (train_folder, train)} | {part: (test_folder, lists[part]) for part in ("query", "gallery")}
    records = {split: _records(*part, clock) for split, part in parts.items()}
    return ReidDataset("msmt17", **records, version=version if val else f"{version} without val")


def parse_time(image: str) -> float:
    """Estimates the seconds of an image's name, on a clock of any start: see `load`.

    Args:
        image: str. A path that ends in `{identity}_{count}_{camera}_{month}{day}{sitting}_{number}_`, then anything.

    Returns:
        Seconds.

    Raises:
        UserError: if the name has another form.

    Example:
        >>> from qaconv_tf.datasets.msmt17 import parse_time
        >>> images = "0000/0000_000_01_0113noon_0015_0.jpg", "0000/0000_045_12_0114morning_0006_2_ex.jpg"
        >>> noon, morning = map(parse_time, images)
        >>> morning - noon == 21 * 60 * 60 - 9 * 2
        True
    """
    match = _TIME.fullmatch(os.path.basename(image))
    try:
        month, day, sitting, number = match.groups()
        # Of any leap year; only differences count.
        days = datetime.date(2016, int(month), int(day)).toordinal()
    except (AttributeError, ValueError) as error:
        raise UserError(
            "Expected the date and the time of day in an image's name like 0000_045_12_0303morning_0006_2.jpg. "
            f"Received: {image!r}. Leave the option clock out"
        ) from error
    return (days * 24 + SITTING_HOURS[sitting]) * 3600.0 + int(number) * SECONDS_PER_NUMBER


def _find_version(folder):
    for version, folders in VERSIONS.items():
        if all(os.path.isdir(os.path.join(folder, name)) for name in folders):
            return version
    pairs = " or ".join(f"{' and '.join(folders)} ({version})" for version, folders in VERSIONS.items())
    raise UserError(f"Expected the folders {pairs}. Received: {folder!r}, which lacks them. Unpack the images there")


def _read_list(folder, name):
    path = os.path.join(folder, name)
    try:
        # Python takes "\r\n" for the end of a line too.
        with open(path, encoding="utf-8-sig") as file:
            lines = [(f"{path!r}, line {number}", line) for number, line in enumerate(file, 1) if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"Expected the list {name} of the archive. Received: {path!r} ({error}). Copy it there from the archive"
        ) from error
    return [_parse_line(where, line) for where, line in lines]


def _parse_line(where, line):
    # From the right, as a path may have blanks.
    fields = line.rsplit(maxsplit=1)
    if len(fields) < 2 or not fields[1].isdecimal():
        raise UserError(
            "Expected an image and its identity like 0000/0000_045_12_0303morning_0006_2.jpg 0. "
            f"Received: {where}: {line.strip()!r}. Copy the list from the archive again"
        )
    return _Line(where, fields[0], int(fields[1]))


def _records(folder, lines, clock):
    records = tuple(
        ImageRecord(
            os.path.join(folder, line.image),
            line.identity,
            _camera(line),
            parse_time(line.image) if clock == "names" else None,
        )
        for line in lines
    )
    missing = [index for index, record in enumerate(records) if not os.path.isfile(record.path)]
    if missing:
        raise UserError(
            f"Expected the images of the lists. Received: {folder!r} without {len(missing)} of {len(records)}, the "
            f"first {lines[missing[0]].image!r} of {lines[missing[0]].where}. Unpack the archive again"
        )
    return records


def _camera(line):
    match = _CAMERA.fullmatch(os.path.basename(line.image))
    if match is None:
        raise UserError(
            "Expected the camera, from 1, as third field of an image's name like 0000_045_12_0303morning_0006_2.jpg. "
            f"Received: {line.where}: {line.image!r}. Copy the list from the archive again"
        )
    return int(match[1]) - 1
