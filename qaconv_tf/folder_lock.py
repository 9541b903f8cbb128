"""One process at a time in a folder."""

import contextlib
import os

from qaconv_tf.errors import UserError

try:
    import fcntl
except ImportError:  # not on Windows, where a folder is not guarded
    fcntl = None


@contextlib.contextmanager
def folder_lock(path):
    """Holds a folder until the block or the process ends, however it ends; nothing is written.

    Args:
        path: str or path. A folder that exists.

    Raises:
        UserError: if another process holds it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, folder_lock(folder):
        ...     try:
        ...         with folder_lock(folder):
        ...             pass
        ...     except UserError as error:
        ...         print(str(error)[:41])
        Expected a folder that nobody else writes
    """
    if fcntl is None:
        yield
        return
    held = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"Expected a folder that nobody else writes to. Received: {str(path)!r}, in which another process is "
                "at work. Wait for it, end it, or name another folder"
            ) from error
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(held)
