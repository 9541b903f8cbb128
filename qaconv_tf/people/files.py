"""Files that are there whole or not at all."""

import os
import pathlib

from qaconv_tf.errors import UserError


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
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    except OSError as error:
        raise UserError(
            f"Expected to write {str(path)!r}. Received: {error.strerror}. Make room there, or name "
            "another folder that can be written to; what is there already is kept"
        ) from error
