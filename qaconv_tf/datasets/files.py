"""Image files and folders on disk, in a fixed order and without what operating systems leave behind."""

import os
from collections.abc import Sequence

from qaconv_tf.errors import UserError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")


def list_images(folder: str | os.PathLike) -> list[str]:
    """Returns the paths of the image files directly in a folder, sorted by name.

    Hidden files (macOS's `._*` among them) and files with other suffixes than `IMAGE_SUFFIXES`, in any case, are
    skipped.

    Args:
        folder: str or path. An existing folder.

    Returns:
        Paths, each starting with `folder`.

    Raises:
        UserError: if the folder cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> from qaconv_tf.datasets.files import list_images
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("b.JPG", "a.png", "._a.png", "Thumbs.db"):
        ...         pathlib.Path(folder, name).touch()
        ...     [pathlib.Path(path).name for path in list_images(folder)]
        ['a.png', 'b.JPG']
    """
    return list_files(folder, IMAGE_SUFFIXES)


def list_files(folder: str | os.PathLike, suffixes: tuple[str, ...]) -> list[str]:
    """Returns the paths of the files directly in a folder that have one of the suffixes, sorted by name.

    Args:
        folder: str or path. An existing folder.
        suffixes: tuple of str, in lower case with their dots; case does not matter on disk.

    Returns:
        Paths, each starting with `folder`; hidden files are skipped.

    Raises:
        UserError: if the folder cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> from qaconv_tf.datasets.files import list_files
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pathlib.Path(folder, "table.CSV").touch()
        ...     [pathlib.Path(path).name for path in list_files(folder, (".csv",))]
        ['table.CSV']
    """
    return [entry.path for entry in _visible_entries(folder) if _is_file(entry, suffixes)]


def list_folders(folder: str | os.PathLike) -> list[str]:
    """Returns the paths of the folders directly in a folder, sorted by name; hidden ones and `__MACOSX` are skipped.

    Args:
        folder: str or path. An existing folder.

    Returns:
        Paths, each starting with `folder`.

    Raises:
        UserError: if the folder cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> from qaconv_tf.datasets.files import list_folders
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("tom", "rex", "__MACOSX", ".git"):
        ...         pathlib.Path(folder, name).mkdir()
        ...     [pathlib.Path(path).name for path in list_folders(folder)]
        ['rex', 'tom']
    """
    return [entry.path for entry in _visible_entries(folder) if entry.is_dir() and entry.name != "__MACOSX"]


def find_root(root: str | os.PathLike, folder_names: Sequence[str], parts: Sequence[str]) -> str:
    """Finds the folder of a data set: the one given, or one inside it by the vendor's name, which may be there twice.

    Archives unpack to a folder of the vendor's name, some users' copies have it nested in another of that name, and a
    folder of data sets holds one for each. All are tried, the nearest first.

    Args:
        root: str or path. What the user gave.
        folder_names: names that the data set's folder may have.
        parts: relative paths, folders or files, of which the folder must hold at least one.

    Returns:
        The folder's path.

    Raises:
        UserError: if there is none.

    Example:
        >>> import os, tempfile
        >>> from qaconv_tf.datasets.files import find_root
        >>> with tempfile.TemporaryDirectory() as root:
        ...     os.makedirs(os.path.join(root, "MSMT17_V2", "MSMT17_V2", "mask_train_v2"))
        ...     os.path.relpath(find_root(root, ("MSMT17_V1", "MSMT17_V2"), ("train", "mask_train_v2")), root)
        'MSMT17_V2/MSMT17_V2'
    """
    inside = [os.path.join(root, name) for name in folder_names]
    nested = [os.path.join(folder, name) for folder in inside for name in folder_names]
    for candidate in (os.fspath(root), *inside, *nested):
        if any(os.path.exists(os.path.join(candidate, part)) for part in parts):
            return candidate
    raise UserError(
        f"Expected one of {', '.join(parts)}. Received: root={os.fspath(root)!r}, which has none of them, nor have its "
        f"folders {', '.join(folder_names)}. Pass the folder that holds them"
    )


def _visible_entries(folder):
    # Sorted, because the order of a directory differs between machines and labels must not.
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(
            f"Expected a folder that can be read. Received: folder={os.fspath(folder)!r} ({error.strerror}). "
            "Check the path and its permissions"
        ) from error


def _is_file(entry, suffixes):
    return entry.name.lower().endswith(suffixes) and entry.is_file()
