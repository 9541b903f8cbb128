"""Times and cameras for any data set: from the images' EXIF, or from a pattern in their paths."""

import dataclasses
import datetime
import math
import os
import re
import struct

from PIL import ExifTags, Image

from qaconv_tf.datasets.csv_table import number_cameras
from qaconv_tf.datasets.records import SPLITS, ReidDataset
from qaconv_tf.errors import UserError

CLOCKS = ("exif", "pattern")

DATE_GROUPS = ("year", "month", "day")
TIME_GROUPS = ("hour", "minute", "second")
GROUPS = ("camera", "seconds", "frame", *DATE_GROUPS, *TIME_GROUPS)

_EPOCH = datetime.date(1970, 1, 1)


def set_clock(
    dataset: ReidDataset, clock: str, clock_pattern: str = "", frames_per_second: float | str = 25.0
) -> ReidDataset:
    r"""Gives every image of a data set the time, and where it says so the camera, of a clock of your choice.

    Temporal lifting compares times within one camera only: clocks of different cameras need not agree, but the
    cameras must be known.

    - `"exif"`: the time of the exposure that the camera wrote into the image, to the fraction of a second where it
      is there (`DateTimeOriginal`, `SubsecTimeOriginal`). It is local time: where a clock was set back meanwhile, times
      repeat.
    - `"pattern"`: a regular expression whose named groups read the path (with `/` between folders; of several matches
      the last counts). `camera` is any text; cameras are numbered from 0 in sorted order over all parts. The time is
      the sum of what is there of `seconds`, `frame` (divided by the frame rate), `year` with `month` and `day`, `hour`,
      `minute`, `second`. A group that takes no part in a match means unknown.

    Args:
        dataset: `ReidDataset`.
        clock: str. `"exif"` or `"pattern"`.
        clock_pattern: str. The regular expression, for `"pattern"`.
        frames_per_second: float, or its text. What frames are divided by, for `"pattern"`. Defaults to `25.0`.

    Returns:
        A new `ReidDataset` with other timestamps and, where the pattern has a camera, other cameras.

    Raises:
        UserError: if the clock is unknown, an image has no time in its EXIF, or the pattern is no regular expression,
            has no group or an unknown one, does not match a path or reads no number from it.

    Example:
        >>> from qaconv_tf.datasets import ImageRecord, ReidDataset
        >>> from qaconv_tf.datasets.clocks import set_clock
        >>> records = [ImageRecord("rex/gate_000050.jpg", "rex"), ImageRecord("rex/yard_000010.jpg", "rex")]
        >>> dataset = ReidDataset("image_folder", train=records, query=[], gallery=[])
        >>> timed = set_clock(dataset, "pattern", r"(?P<camera>[a-z]+)_(?P<frame>\d+)", frames_per_second=10)
        >>> [(record.camera, record.timestamp) for record in timed.train]
        [(0, 5.0), (1, 1.0)]
    """
    if clock == "exif":
        return _with_records(dataset, lambda record: dataclasses.replace(record, timestamp=exif_seconds(record.path)))
    if clock == "pattern":
        return _read_paths(dataset, _compiled(clock_pattern), _rate(frames_per_second))
    raise UserError(f"Expected a clock of {', '.join(CLOCKS)}. Received: clock={clock!r}. Choose one of these")


def exif_seconds(path: str | os.PathLike) -> float:
    """Returns when an image was taken, by its EXIF.

    Args:
        path: str or path. An image file.

    Returns:
        Seconds since 1970, as if the camera's local time were UTC.

    Raises:
        UserError: if the file is no image or has no `DateTimeOriginal`.
    """
    try:
        with Image.open(path) as image:
            exif = image.getexif().get_ifd(ExifTags.IFD.Exif)
        taken = str(exif[ExifTags.Base.DateTimeOriginal]).strip("\0 ")
        seconds = _date_seconds(*taken[:10].split(":")) + _time_seconds(*taken[11:].split(":"))
    except (OSError, LookupError, ValueError, TypeError, SyntaxError, struct.error) as error:
        raise UserError(
            "Expected a time like 2024:05:31 12:00:00 in the image's EXIF (DateTimeOriginal). "
            f"Received: {os.fspath(path)!r}: {type(error).__name__}: {error}. Use a CSV with a timestamp column, or "
            "another clock"
        ) from error
    fraction = str(exif.get(ExifTags.Base.SubsecTimeOriginal, "")).strip("\0 ")
    return seconds + (float(f"0.{fraction}") if fraction.isdecimal() else 0.0)


def _with_records(dataset, change):
    return dataclasses.replace(dataset, **{split: tuple(map(change, getattr(dataset, split))) for split in SPLITS})


def _read_paths(dataset, pattern, frames_per_second):
    paths = {record.path for split in SPLITS for record in getattr(dataset, split)}
    found = {path: _groups(pattern, path) for path in paths}
    cameras = number_cameras([groups.get("camera") or "" for groups in found.values()])
    has_time = set(pattern.groupindex) != {"camera"}

    def change(record):
        groups = found[record.path]
        camera = cameras[groups["camera"] or ""] if "camera" in groups else record.camera
        timestamp = _seconds(groups, frames_per_second, record.path) if has_time else record.timestamp
        return dataclasses.replace(record, camera=camera, timestamp=timestamp)

    return _with_records(dataset, change)


def _compiled(pattern):
    how = f"Give a clock_pattern with groups (?P<NAME>...) of {', '.join(GROUPS)}; year, month and day only together"
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(f"Expected a regular expression. Received: {pattern!r}: {error}. {how}") from error
    names = set(compiled.groupindex)
    if not names or not names <= set(GROUPS) or names & set(DATE_GROUPS) not in (set(), set(DATE_GROUPS)):
        received = ", ".join(compiled.groupindex) or "none"
        raise UserError(
            f"Expected named groups that are known. Received: {pattern!r} with the groups {received}. {how}"
        )
    return compiled


def _rate(frames_per_second):
    try:
        rate = float(frames_per_second)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise UserError(f"Expected a frame rate above 0. Received: frames_per_second={frames_per_second}. Mend it")
    return rate


def _groups(pattern, path):
    matches = list(pattern.finditer(path.replace(os.sep, "/")))
    if not matches:
        raise UserError(
            f"Expected a path in which the pattern {pattern.pattern!r} is found. Received: {path!r}. Mend the pattern, "
            "or make the group optional for images whose time is unknown"
        )
    # The last match is nearest to the image's name: the folders above the data set's must not matter.
    return matches[-1].groupdict()


def _seconds(groups, frames_per_second, path):
    read = {name: text for name, text in groups.items() if text is not None and name != "camera"}
    if not read:
        return None
    try:
        date = [read[name] for name in DATE_GROUPS if name in read]
        seconds = float(read.get("seconds", 0)) + int(read.get("frame", 0)) / frames_per_second
        seconds += _date_seconds(*date) if date else 0
        seconds += _time_seconds(*(read.get(name, 0) for name in TIME_GROUPS))
        if not math.isfinite(seconds):
            raise ValueError(f"{seconds} is no time")
    except (ValueError, TypeError) as error:
        raise UserError(
            f"Expected numbers in the pattern's groups. Received: {path!r}: {read} ({error}). Mend the pattern"
        ) from error
    return seconds


def _date_seconds(year, month, day):
    return (datetime.date(int(year), int(month), int(day)) - _EPOCH).days * 86_400


def _time_seconds(hour, minute, second):
    return int(hour) * 3600 + int(minute) * 60 + float(second)
