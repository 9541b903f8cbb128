"""The folders that Market-1501 introduced and DukeMTMC-reID and CUHK03-NP took over."""

import collections
import os
from collections.abc import Callable
from typing import Any

from qaconv_tf.datasets.files import list_images

SPLIT_FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
JUNK = -1

_Parts = dict[str, list[tuple[str, Any]]]


def read_parts(
    root: str | os.PathLike, parse_name: Callable[[str], Any], distractor: int | None = None
) -> tuple[_Parts, dict[str, int]]:
    """Reads the names of the images in the three folders, without those that belong nowhere.

    Junk has no part in training or ranking; distractors are wrong answers, so they belong in the gallery only.

    Args:
        root: str or path. The folder that holds the three. One that is missing is an empty part.
        parse_name: function of a path that returns what its name says, with an attribute `identity`.
        distractor: int. The identity of distractors. Defaults to `None`: there are none.

    Returns:
        `(parts, dropped)`: by split, a list of `(path, parsed name)` in name order; and how many images were left out,
        by reason.

    Raises:
        UserError: if a folder cannot be read, or as `parse_name`.

    Example:
        >>> import pathlib, tempfile, types
        >>> from qaconv_tf.datasets.bounding_boxes import read_parts
        >>> with tempfile.TemporaryDirectory() as root:
        ...     pathlib.Path(root, "query").mkdir()
        ...     for name in ("-1_c1.jpg", "0007_c2.jpg"):
        ...         pathlib.Path(root, "query", name).touch()
        ...     parts, dropped = read_parts(
        ...         root, lambda path: types.SimpleNamespace(identity=int(pathlib.Path(path).name.split("_")[0]))
        ...     )
        >>> [name.identity for _, name in parts["query"]], dropped
        ([7], {'junk in query': 1})
    """
    parts, dropped = {}, collections.Counter()
    for split, name in SPLIT_FOLDERS.items():
        folder = os.path.join(root, name)
        named = [(path, parse_name(path)) for path in list_images(folder)] if os.path.isdir(folder) else []
        misplaced = {JUNK: "junk"} if split == "gallery" else {JUNK: "junk", distractor: "distractors"}
        parts[split] = [(path, parsed) for path, parsed in named if parsed.identity not in misplaced]
        dropped.update(
            f"{misplaced[parsed.identity]} in {split}" for _, parsed in named if parsed.identity in misplaced
        )
    return parts, dict(dropped)
