"""QMUL i-LIDS: 476 images of 119 people at an airport; split at random."""

import collections
import os
import re

from qaconv_tf.datasets import splits
from qaconv_tf.datasets.files import find_root, list_images
from qaconv_tf.datasets.names import ImageName, read_identity_and_camera
from qaconv_tf.datasets.records import ImageRecord, ReidDataset

LAYOUT = "the folder Persons (or images), with images named like 0001002.jpg: four digits of the person, three more"
OPTIONS = {"split": splits.NUMBERS, "saved": (False, True)}
# How many images the 59 people to train on have differs between splits.
FINGERPRINTS = {
    "": {
        "train identities": 59,
        "query images": 60,
        "query identities": 60,
        "gallery images": 60,
        "gallery identities": 60,
    }
}

# The name of the vendor's archive, and the names other projects give the folder.
ROOT_FOLDERS = ("i-LIDS_Pedestrian", "ilids", "QMUL-iLIDS")
IMAGE_FOLDERS = ("Persons", "images")

_NAME = re.compile(r"(\d{4})(?!000)(\d{3})\.\w+", re.ASCII)
_EXPECTED = "by four digits of the person and three, from 001, of the image, like 0001002.jpg"


def parse_name(path: str) -> ImageName:
    """Reads identity and camera from the name of an image.

    Args:
        path: str. A path that ends in four digits of the identity and three of the camera,
            which count from 1, then a suffix.

    Returns:
        An `ImageName`.

    Raises:
        UserError: if the name has another form.

    Example:
        >>> from qaconv_tf.datasets.ilids import parse_name
        >>> parse_name("Persons/0031002.jpg")
        ImageName(identity=31, camera=1)
    """
    return read_identity_and_camera(_NAME, path, _EXPECTED)


def load(root: str | os.PathLike, split: int = 0, saved: bool = False) -> ReidDataset:
    """Reads QMUL i-LIDS, split at random: 59 people to train on; of each of the 60 others a query and its one answer.

    The split, and which two images of a person are searched with and for, are functions of the split's number, of the
    identities and of the files' names (`splits.shuffled`). The data set publishes no split and no cameras; the last
    three digits of a name, which number a person's images, are taken as the camera, as other projects do. So two
    images of a person are never of one camera and none is ignored. Report mean and deviation over the ten splits.

    Args:
        root: str or path. The folder that holds Persons, or the folder around it (see `ROOT_FOLDERS`).
        split: int. 0 to 9. Defaults to `0`.
        saved: bool. Take the split from the file `splits.SAVED_SPLITS` among the images. Defaults to `False`.

    Returns:
        The `ReidDataset`. Further images of the people to search for are dropped.

    Raises:
        UserError: if the folder is missing, an image has another form of name, or the saved split is missing.

    Reference: Zheng, Gong and Xiang, Associating Groups of People, BMVC 2009.
    """
    around = find_root(root, ROOT_FOLDERS, IMAGE_FOLDERS)
    folder = next(path for name in IMAGE_FOLDERS if os.path.isdir(path := os.path.join(around, name)))
    records = [ImageRecord(path, *parse_name(path)) for path in list_images(folder)]
    parts = splits.read_split(folder, split, records) if saved else _divide(split, records)
    return ReidDataset("ilids", **parts, dropped=splits.left_out(records, parts))


def _divide(split, records):
    images_of = collections.defaultdict(dict)
    for record in records:
        images_of[record.identity][os.path.basename(record.path)] = record
    order = splits.shuffled(images_of, "ilids", split)
    train = set(order[: len(order) // 2])
    query, gallery = [], []
    for identity in sorted(set(order) - train):
        # A person with a single image can only be a wrong answer.
        *asked, answer = splits.shuffled(images_of[identity], "ilids", split)[:2]
        query += [images_of[identity][name] for name in asked]
        gallery.append(images_of[identity][answer])
    return {
        "train": tuple(record for record in records if record.identity in train),
        "query": tuple(query),
        "gallery": tuple(gallery),
    }
