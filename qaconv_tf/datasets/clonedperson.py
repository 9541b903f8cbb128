"""ClonedPerson: generated people dressed like real ones, in the camera networks of several scenes."""

import os

from qaconv_tf.datasets.files import find_root
from qaconv_tf.datasets.randperson import FRAMES_PER_SECOND, read_images
from qaconv_tf.datasets.records import ImageRecord, ReidDataset

LAYOUT = "the folders train, test/query and test/gallery, with images named like 700000_s02_c00_f023389.jpg"
OPTIONS = {"cameras": ("official", "by_scene")}
# Published are the counts of all parts together: 887,766 images of 5,621 people.
FINGERPRINTS = {}

ROOT_FOLDERS = ("clonedperson", "ClonedPerson")
SPLIT_FOLDERS = {"train": "train", "query": "test/query", "gallery": "test/gallery"}
# Scene 6's camera 2 is camera 602: no scene has a hundred.
CAMERAS_PER_SCENE = 100


def load(root: str | os.PathLike, cameras: str = "official") -> ReidDataset:
    """Reads ClonedPerson.

    The official QAConv takes all images for images of one scene, so its cameras are the names' c00, c01, ... of
    whatever scene, and their clocks run in several scenes at once. That is the default, for comparison. As people
    walk through several scenes, right answers are then ignored as being of the query's camera, and temporal lifting
    compares unrelated clocks: `cameras="by_scene"` tells the cameras of the scenes apart.

    Args:
        root: str or path. The folder that holds train and test, or the folder around it (see `ROOT_FOLDERS`).
        cameras: str. `"official"` or `"by_scene"`. Defaults to `"official"`.

    Returns:
        The `ReidDataset`, each part in name order. Junk (identity -1) is dropped; a part whose folder is missing is
        empty.

    Raises:
        UserError: if none of the folders is there, or an image has another form of name.

    Reference: [Wang, Liang and Liao, Cloning Outfits from Real-World Images to 3D Characters for Generalizable Person
        Re-Identification, CVPR 2022](https://arxiv.org/abs/2204.02611).
    """
    folder = find_root(root, ROOT_FOLDERS, tuple(SPLIT_FOLDERS.values()))
    parts, dropped = {}, {}
    for part, inside in SPLIT_FOLDERS.items():
        part_folder = os.path.join(folder, inside)
        images, junk = read_images(part_folder, part) if os.path.isdir(part_folder) else ([], {})
        parts[part] = tuple(_record(path, name, cameras) for path, name in images)
        dropped |= junk
    return ReidDataset("clonedperson", **parts, dropped=dropped)


def _record(path, name, cameras):
    first = CAMERAS_PER_SCENE * name.scene if cameras == "by_scene" else 0
    return ImageRecord(path, name.identity, first + name.camera, name.frame / FRAMES_PER_SECOND)
