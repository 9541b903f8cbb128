"""Market-1501 and data sets laid out and named like it."""

import os
import re
from typing import NamedTuple

from qaconv_tf.datasets.bounding_boxes import JUNK, SPLIT_FOLDERS, read_parts
from qaconv_tf.datasets.files import find_root, list_images
from qaconv_tf.datasets.records import ImageRecord, ReidDataset
from qaconv_tf.errors import UserError

LAYOUT = "the folders bounding_box_train, query, bounding_box_test, with images named like 0002_c1s1_000451_03.jpg"
OPTIONS = {"clock": ("fixed", "official"), "distractors_500k": (False, True)}

_PUBLISHED = {
    "train images": 12_936,
    "train identities": 751,
    "query images": 3_368,
    "query identities": 750,
    "junk in gallery": 3_819,
}
FINGERPRINTS = {
    # Distractors are one identity of the gallery.
    "": _PUBLISHED | {"gallery images": 15_913, "gallery identities": 751},
    # Of these distractors only a round number is published.
    "distractors_500k": _PUBLISHED | {"gallery identities": 751},
    "combine_all": {"train images": 29_419, "train identities": 1_501, "junk in gallery": 3_819},
}

# The name of the vendor's archive, and the names that QAConv and others give the folder.
ROOT_FOLDERS = ("Market-1501-v15.09.15", "market", "market1501", "Market-1501")
# The archive distractors_500k.zip holds `images`; a user may have unpacked it to a folder of the archive's name.
DISTRACTOR_FOLDERS = ("images", "distractors_500k", os.path.join("distractors_500k", "images"))
FRAMES_PER_SECOND = 25.0
DISTRACTOR = 0

# Cameras count from 1. More than nine are allowed, so the session's "s" must end the camera's number.
_NAME = re.compile(r"(-1|\d+)_c0*([1-9]\d*)s(\d+)_(-?\d+)(?:[_.].*)?", re.ASCII | re.DOTALL)


class ImageName(NamedTuple):
    """What the name of an image says: identity (-1 junk, 0 distractor), camera from 0, session and frame in it."""

    identity: int
    camera: int
    session: int
    frame: int


def parse_name(path: str) -> ImageName:
    """Reads identity, camera, session and frame from the name of an image.

    Args:
        path: str. A path that ends in `{identity}_c{camera}s{session}_{frame}`, then anything after `_` or `.`; the
            camera counts from 1.

    Returns:
        An `ImageName`, its camera counted from 0.

    Raises:
        UserError: if the name has another form.

    Example:
        >>> from qaconv_tf.datasets.market1501 import parse_name
        >>> parse_name("query/0002_c1s1_000451_03.jpg")
        ImageName(identity=2, camera=0, session=1, frame=451)
    """
    match = _NAME.fullmatch(os.path.basename(path))
    if match is None:
        raise UserError(
            "Expected an image named identity_cCAMERAsSESSION_FRAME like 0002_c1s1_000451_03.jpg, cameras from 1. "
            f"Received: {path!r}. Rename or remove it"
        )
    identity, camera, session, frame = map(int, match.groups())
    return ImageName(identity, camera - 1, session, frame)


def load(root: str | os.PathLike, clock: str = "fixed", distractors_500k: bool = False) -> ReidDataset:
    """Reads a data set in the layout and with the names of Market-1501.

    Junk (identity -1) is dropped; distractors (identity 0) are kept in the gallery only. A part whose folder is
    missing is empty; the hand-drawn boxes of `gt_bbox` and `gt_query` are not read. Timestamps count the sessions of a
    camera as if recorded one after the other without a break: see `session_offsets`. They depend on which parts are on
    disk, the training part included, and on junk being dropped first.

    Args:
        root: str or path. The folder that holds the three, or the folder around it (see `ROOT_FOLDERS`).
        clock: str. `"fixed"`, or `"official"`, with which the published results with temporal lifting were made.
            Defaults to `"fixed"`.
        distractors_500k: bool. Whether the 500,000 further distractors join the gallery, from the folder `images` of
            their archive or `distractors_500k` beside the others. Whatever their names say, their identity is
            `DISTRACTOR`. They do not move the clocks, so one of a session that the other parts do not have is without
            a timestamp. Defaults to `False`.

    Returns:
        The `ReidDataset`, each part in name order.

    Raises:
        UserError: if none of the three folders is there, the folder of distractors is wanted and missing, or an image
            has another form of name.

    Reference: Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015; for the camera's clock
        [Liao and Shao, ECCV 2020](https://arxiv.org/abs/1904.10424).
    """
    folder = find_root(root, ROOT_FOLDERS, tuple(SPLIT_FOLDERS.values()))
    parts, dropped = read_parts(folder, parse_name, DISTRACTOR)
    offsets = session_offsets([name for part in parts.values() for _, name in part], clock)
    if distractors_500k:
        named = [(path, parse_name(path)) for path in _list_distractors(folder)]
        kept = [(path, name._replace(identity=DISTRACTOR)) for path, name in named if name.identity != JUNK]
        parts["gallery"] += kept
        dropped |= {"junk in distractors_500k": len(named) - len(kept)} if len(named) > len(kept) else {}
    records = {split: tuple(_record(path, name, offsets) for path, name in part) for split, part in parts.items()}
    version = "distractors_500k" if distractors_500k else ""
    return ReidDataset("market1501", **records, dropped=dropped, version=version)


def session_offsets(names: list[ImageName], clock: str = "fixed") -> dict[tuple[int, int], int]:
    """Returns the frame at which each session starts on its camera's clock.

    Args:
        names: list of `ImageName`, those of all parts.
        clock: str. `"fixed"`: a session starts where the one before it ended, at the highest frame of it over all
            parts. `"official"`: as the official QAConv counts, which adds the start of the session before once more,
            so that gaps open between sessions and double with each: sessions of 100, 200, ... 600 frames start at 0,
            100, 400, 1100, 2600 and 5700. Defaults to `"fixed"`.

    Returns:
        First frame by `(camera, session)`.

    Example:
        >>> from qaconv_tf.datasets.market1501 import ImageName, session_offsets
        >>> names = [ImageName(7, 0, 1, 100), ImageName(8, 0, 2, 200), ImageName(9, 0, 3, 5)]
        >>> session_offsets(names)
        {(0, 1): 0, (0, 2): 100, (0, 3): 300}
        >>> session_offsets(names, clock="official")
        {(0, 1): 0, (0, 2): 100, (0, 3): 400}
    """
    last_frame = {}
    for name in names:
        key = (name.camera, name.session)
        last_frame[key] = max(last_frame.get(key, 0), name.frame)
    starts_counted = 2 if clock == "official" else 1
    offsets, next_start = {}, {}
    for camera, session in sorted(last_frame):
        offsets[camera, session] = next_start.get(camera, 0)
        next_start[camera] = starts_counted * offsets[camera, session] + last_frame[camera, session]
    return offsets


def _list_distractors(folder):
    for name in DISTRACTOR_FOLDERS:
        place = os.path.join(folder, name)
        paths = list_images(place) if os.path.isdir(place) else []
        if paths:
            return paths
    raise UserError(
        f"Expected the 500,000 distractors in one of {', '.join(DISTRACTOR_FOLDERS)}. Received: {folder!r}, whose "
        "folders of these names are missing or without images. Unpack distractors_500k.zip there, or leave the option "
        "distractors_500k out"
    )


def _record(path, name, offsets):
    start = offsets.get((name.camera, name.session))
    timestamp = None if start is None else (start + name.frame) / FRAMES_PER_SECOND
    return ImageRecord(path, name.identity, name.camera, timestamp)
