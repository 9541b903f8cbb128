"""Which files of a data set's folder are in the way, or are read by nobody."""

import collections
import os
import shlex
from collections.abc import Callable, Iterable, Sequence

from PIL import Image

from qaconv_tf.datasets.files import IMAGE_SUFFIXES
from qaconv_tf.datasets.finding import Finding
from qaconv_tf.errors import UserError

# What macOS and Windows leave behind, in lower case.
_LEFTOVERS = (".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini")
_APPLE_DOUBLE = "._"
_APPLE_FOLDER = "__MACOSX"
# Lists and descriptions may lie among the images.
_TEXTS = (".txt", ".csv", ".json", ".xml", ".md", ".mat", ".html", ".pdf")
# Parts of Market-1501's archive that no evaluation needs: hand-drawn boxes.
_UNREAD_ON_PURPOSE = ("gt_bbox", "gt_query")


def list_tree(root: str | os.PathLike) -> list[str]:
    """Returns the paths of all files in a folder and below it, sorted; hidden folders are skipped, links followed.

    Example:
        >>> import pathlib, tempfile
        >>> from qaconv_tf.datasets.audit_files import list_tree
        >>> with tempfile.TemporaryDirectory() as root:
        ...     pathlib.Path(root, "query").mkdir()
        ...     pathlib.Path(root, "query", "._a.jpg").touch()
        ...     [pathlib.Path(path).relative_to(root).as_posix() for path in list_tree(root)]
        ['query/._a.jpg']
    """
    files, seen = [], set()
    for folder, folders, names in os.walk(root, followlinks=True):
        seen.add(os.path.realpath(folder))
        folders[:] = [
            name for name in folders
            # A link to a folder above would go round in circles.
            if not name.startswith(".") and os.path.realpath(os.path.join(folder, name)) not in seen
        ]  # fmt: skip
        files += (os.path.join(folder, name) for name in names)
    return sorted(files)


def data_folder(root: str | os.PathLike, paths: Iterable[str]) -> str:
    """Returns the folder inside `root` that the images of a data set are in.

    A folder of data sets has others beside it, and a data set read in part lies beside its other parts.

    Args:
        root: str or path. A folder.
        paths: the images that were read.

    Returns:
        The lowest folder that holds the folders of all images; of images in a single folder, the one around it; never
        one outside `root`.

    Example:
        >>> from qaconv_tf.datasets.audit_files import data_folder
        >>> data_folder("data", ["data/market/query/1.jpg", "data/market/bounding_box_test/2.jpg"])
        'data/market'
    """
    root = os.fspath(root)
    folders = {os.path.dirname(os.path.abspath(path)) for path in paths}
    if not folders:
        return root
    common = os.path.commonpath(folders)
    inside = os.path.relpath(os.path.dirname(common) if len(folders) == 1 else common, root)
    return root if inside.split(os.sep)[0] in (".", "..") else os.path.join(root, inside)


def audit_files(folder: str, files: Sequence[str], read: Iterable[str]) -> list[Finding]:
    """Finds leftovers of operating systems, files of another kind among the images, and images that nobody reads.

    Args:
        folder: str. The data set's own.
        files: sequence of str. All files in it, as from `list_tree`.
        read: the images that were read, junk that was dropped aside.

    Returns:
        A list of `Finding`, empty if all is well.
    """
    leftovers = [path for path in files if is_leftover(path)]
    kept = [path for path in files if not is_leftover(path)]
    return [*_check_leftovers(folder, leftovers), *_check_unread(folder, kept, read)]


def is_leftover(path: str) -> bool:
    """Returns whether macOS or Windows left this file behind.

    Example:
        >>> from qaconv_tf.datasets.audit_files import is_leftover
        >>> [is_leftover(path) for path in ("query/._0001.jpg", "__MACOSX/query/0001.jpg", "query/0001.jpg")]
        [True, True, False]
    """
    name = os.path.basename(path)
    return name.startswith(_APPLE_DOUBLE) or name.lower() in _LEFTOVERS or _APPLE_FOLDER in path.split(os.sep)


def is_image(path: str) -> bool:
    """Returns whether the readers take this file for an image, by its name."""
    return path.lower().endswith(IMAGE_SUFFIXES) and not os.path.basename(path).startswith(".")


def find_misnamed(files: Iterable[str], parse_name: Callable[[str], object]) -> list[str]:
    """Returns the images whose names a reader's `parse_name` refuses.

    Example:
        >>> from qaconv_tf.datasets.audit_files import find_misnamed
        >>> from qaconv_tf.datasets.market1501 import parse_name
        >>> find_misnamed(["query/0002_c1s1_000451_03.jpg", "query/holiday.jpg", "query/list.txt"], parse_name)
        ['query/holiday.jpg']
    """

    def refused(path):
        try:
            parse_name(path)
        except UserError:
            return True
        return False

    return [path for path in files if is_image(path) and not is_leftover(path) and refused(path)]


def _check_leftovers(folder, leftovers):
    if leftovers:
        names = " -o ".join(f"-iname {shlex.quote(name)}" for name in (f"{_APPLE_DOUBLE}*", *_LEFTOVERS))
        yield Finding(
            "note",
            "Leftovers of macOS or Windows",
            len(leftovers),
            "images and lists only",
            f"{len(leftovers)} of no use, which the readers skip",
            "Remove them, if other programs are to read the set",
            examples=tuple(leftovers),
            commands=(
                f"find {shlex.quote(folder)} -type f \\( {names} -o -path '*/{_APPLE_FOLDER}/*' \\) -delete",
            ),
        )


def _check_unread(folder, files, read):
    read_folders = {os.path.dirname(os.path.abspath(path)) for path in read}
    if not read_folders:
        return
    convertible = Image.registered_extensions()
    among = [path for path in files if os.path.dirname(os.path.abspath(path)) in read_folders]
    other_kind = [
        path for path in among
        if not is_image(path) and not path.lower().endswith(_TEXTS) and not os.path.basename(path).startswith(".")
    ]  # fmt: skip
    if other_kind:
        suffixes = sorted({_suffix(path) or "no suffix" for path in other_kind})
        yield Finding(
            "warning",
            "Files of another kind among the images",
            len(other_kind),
            f"images: {', '.join(IMAGE_SUFFIXES)}",
            f"{len(other_kind)} of {', '.join(suffixes)}, which are not read",
            "Convert those that are images; unpack or download again those that are parts of one; remove the others",
            examples=tuple(other_kind),
            commands=tuple(_conversion(path) for path in other_kind if _suffix(path) in convertible),
        )
    elsewhere = collections.Counter(os.path.dirname(path) for path in files if is_image(path))
    unread = {place: count for place, count in elsewhere.items() if _is_unread(folder, place, read_folders)}
    if unread:
        yield Finding(
            "note",
            "Images in folders that are not read",
            sum(unread.values()),
            "images in the folders of the layout only",
            f"{sum(unread.values())} elsewhere",
            "If they belong to the set, rename their folder to what the layout says or choose the option that reads "
            "them; if not, nothing needs to be done",
            examples=tuple(f"{place}: {count:,}" for place, count in unread.items()),
        )


def _suffix(path):
    return os.path.splitext(path)[1].lower()


def _conversion(path):
    code = "import sys; from PIL import Image; Image.open(sys.argv[1]).save(sys.argv[2])"
    return f"python -c {shlex.quote(code)} {shlex.quote(path)} {shlex.quote(os.path.splitext(path)[0] + '.png')}"


def _is_unread(folder, place, read_folders):
    inside = os.path.relpath(place, folder).split(os.sep)[0]
    return os.path.abspath(place) not in read_folders and inside not in _UNREAD_ON_PURPOSE
