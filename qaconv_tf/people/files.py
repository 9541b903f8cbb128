"""Files that are there whole or not at all."""

import contextlib
import os
import pathlib

from qaconv_tf.errors import UserError

UNFINISHED_SUFFIX = ".unfinished"


def write_whole(path, content):
    """Writes a file, so that an interrupted run leaves no half one.

    Args:
        path: path. Where; folders above are made.
        content: bytes.

    Raises:
        UserError: if it cannot be written.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_whole(pathlib.Path(folder, "new", "note.txt"), b"seen")
        ...     pathlib.Path(folder, "new", "note.txt").read_bytes()
        b'seen'
    """
    path = pathlib.Path(path)
    unfinished = path.with_name(path.name + UNFINISHED_SUFFIX)
    make_folder(path.parent)
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    except OSError as error:
        # A part of it would take room that may be wanted, and make an empty folder look like somebody's.
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise _unwritable(path, error) from error


def make_folder(path):
    """Makes a folder and those above it, where they are missing.

    Args:
        path: path.

    Raises:
        UserError: if it cannot be made.
    """
    try:
        pathlib.Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path, error):
    return UserError(
        f"Expected to write {str(path)!r}. Received: {error.strerror}. Make room there, or name "
        "another folder that can be written to; what is there already is kept"
    )
