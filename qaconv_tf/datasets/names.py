"""What the names of images say."""

import os
import re
from typing import NamedTuple

from qaconv_tf.errors import UserError


class ImageName(NamedTuple):
    """What the name of an image says: identity, and camera from 0."""

    identity: int
    camera: int


def match_name(pattern: re.Pattern, path: str, expected: str) -> re.Match:
    r"""Matches the whole name of an image, without its folder.

    Args:
        pattern: compiled regular expression.
        path: str. The image's path.
        expected: str. The form of the name and an example, for the message.

    Returns:
        The match.

    Raises:
        UserError: if the name has another form.

    Example:
        >>> import re
        >>> from qaconv_tf.datasets.names import match_name
        >>> match_name(re.compile(r"(\d+)_.*"), "cam_a/012_45.bmp", "IDENTITY_ANGLE like 000_45.bmp").group(1)
        '012'
    """
    match = pattern.fullmatch(os.path.basename(path))
    if match is None:
        raise UserError(f"Expected an image named {expected}. Received: {path!r}. Rename or remove it")
    return match


def read_identity_and_camera(pattern: re.Pattern, path: str, expected: str) -> ImageName:
    """Reads the name of an image in which cameras count from 1.

    Args:
        pattern: compiled regular expression of two groups, identity and camera.
        path: str. The image's path.
        expected: str. As `match_name` takes it.

    Returns:
        An `ImageName`.

    Raises:
        UserError: if the name has another form.
    """
    identity, camera = map(int, match_name(pattern, path, expected).groups())
    return ImageName(identity, camera - 1)
