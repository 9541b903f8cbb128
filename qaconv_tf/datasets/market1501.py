"""Market-1501 and data sets laid out and named like it."""

import os
import re
from typing import NamedTuple

from qaconv_tf.datasets.files import find_root, list_images
from qaconv_tf.datasets.records import SPLITS, ImageRecord, ReidDataset
from qaconv_tf.errors import UserError

LAYOUT = "the folders bounding_box_train, query, bounding_box_test, with images named like 0002_c1s1_000451_03.jpg"

# The name of the vendor's archive, and the names other projects give the folder.
ROOT_FOLDERS = ("Market-1501-v15.09.15", "market", "Market-1501")
SPLIT_FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
FRAMES_PER_SECOND = 25.0
JUNK = -1
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


def load(root: str | os.PathLike) -> ReidDataset:
    """Reads a data set in the layout and with the names of Market-1501.

    Junk (identity -1) is dropped; distractors (identity 0) are kept in the gallery only. A part whose folder is
    missing is empty. Timestamps count the sessions of a camera as if recorded one after the other without a break:
    a session starts at the highest frame, over all three parts, of the session before it. They therefore depend on
    which parts are on disk.

    Args:
        root: str or path. The folder that holds the three, or the folder around it (see `ROOT_FOLDERS`).

    Returns:
        The `ReidDataset`, each part in name order.

    Raises:
        UserError: if none of the three folders is there, or an image has another form of name.

    Reference: Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015; for the camera's clock
        [Liao and Shao, ECCV 2020](https://arxiv.org/abs/1904.10424).
    """
    folder = find_root(root, ROOT_FOLDERS, tuple(SPLIT_FOLDERS.values()))
    parts = {split: _read_part(folder, split) for split in SPLITS}
    offsets = session_offsets([name for part in parts.values() for _, name in part])
    records = {split: tuple(_record(path, name, offsets) for path, name in part) for split, part in parts.items()}
    return ReidDataset("market1501", **records)


def session_offsets(names: list[ImageName]) -> dict[tuple[int, int], int]:
    """Returns the frame at which each session starts on its camera's clock.

    Args:
        names: list of `ImageName`, those of all parts.

    Returns:
        First frame by `(camera, session)`: the running sum, in frames, of the earlier sessions' highest frames.

    Example:
        >>> from qaconv_tf.datasets.market1501 import ImageName, session_offsets
        >>> session_offsets([ImageName(7, 0, 1, 100), ImageName(8, 0, 2, 200), ImageName(9, 0, 3, 5)])
        {(0, 1): 0, (0, 2): 100, (0, 3): 300}
    """
    last_frame = {}
    for name in names:
        key = (name.camera, name.session)
        last_frame[key] = max(last_frame.get(key, 0), name.frame)
    offsets, clock = {}, {}
    for camera, session in sorted(last_frame):
        offsets[camera, session] = clock.get(camera, 0)
        clock[camera] = offsets[camera, session] + last_frame[camera, session]
    return offsets


def _read_part(folder, split):
    part_folder = os.path.join(folder, SPLIT_FOLDERS[split])
    if not os.path.isdir(part_folder):
        return []
    dropped = (JUNK,) if split == "gallery" else (JUNK, DISTRACTOR)
    named = [(path, parse_name(path)) for path in list_images(part_folder)]
    return [(path, name) for path, name in named if name.identity not in dropped]


def _record(path, name, offsets):
    frame = offsets[name.camera, name.session] + name.frame
    return ImageRecord(path, name.identity, name.camera, frame / FRAMES_PER_SECOND)
