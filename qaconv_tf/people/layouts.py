"""How a data set lies on the disk: folders and file names like those of the published sets."""

import dataclasses

from qaconv_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class Layout:
    """Folders and names of a data set.

    Args:
        folders: dict of part ("train", "query", "gallery") -> folder, with "/".
        frames_per_second: int. In which names count time.
        name: str. Format of a file's name from identity, camera (from 0), frame, and number (from 1, where two names
            would be the same).
        nobody: int or None. Identity by which names tell that nobody asks for this person; None names all.
    """

    folders: dict
    frames_per_second: int
    name: str
    nobody: int | None


LAYOUTS = {
    "market1501": Layout(
        {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"},
        25,
        "{identity:04d}_c{camera_from_1}s1_{frame:06d}_{number:02d}.jpg",
        0,
    ),
    "randperson": Layout(
        {"train": "randperson_subset", "query": "test/query", "gallery": "test/gallery"},
        24,
        "{identity:06d}_s00_c{camera:02d}_f{frame:06d}_{number:02d}.jpg",
        None,
    ),
}


def find_layout(name):
    """Returns a layout by name.

    Args:
        name: str. "market1501", or "randperson", whose test parts lie as ClonedPerson's do.

    Returns:
        A `Layout`.

    Raises:
        UserError: if there is no layout of that name.

    Example:
        >>> from qaconv_tf.people.layouts import find_layout
        >>> find_layout("randperson").frames_per_second
        24
    """
    if name not in LAYOUTS:
        raise UserError(f"Expected a layout among {', '.join(LAYOUTS)}. Received: layout={name!r}")
    return LAYOUTS[name]
