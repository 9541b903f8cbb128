"""What a data set is once it has been read: plain records, without TensorFlow."""

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

SPLITS = ("train", "query", "gallery")


@dataclasses.dataclass(frozen=True)
class ImageRecord:
    """One image of one identity.

    Args:
        path: str. The image file.
        identity: int or str. The data set's own identity (not the training label 0..C-1).
        camera: int or None. Camera, from 0. `None` where unknown: such an image shares its camera with no other, so
            the same-camera rule never ignores it. Defaults to `None`.
        timestamp: float or None. Seconds on that camera's clock, `None` where unknown. Defaults to `None`.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> ImageRecord("query/0002_c1s1_000451_03.jpg", identity=2, camera=0, timestamp=18.04).camera
        0
    """

    path: str
    identity: int | str
    camera: int | None = None
    timestamp: float | None = None


@dataclasses.dataclass(frozen=True)
class ReidDataset:
    """The three parts of a re-identification data set; a part that the set lacks is empty.

    Args:
        name: str. The registered name, such as `"market1501"`.
        train: sequence of `ImageRecord`. Never holds junk or distractors.
        query: sequence of `ImageRecord`.
        gallery: sequence of `ImageRecord`. Holds distractors (wrong answers on purpose), never junk.
        dropped: mapping of str to int. How many image files the reader left out, by reason, such as
            `{"junk in gallery": 3819}`. Defaults to none.
        version: str. Which of the published versions this is, a key of its reader's `FINGERPRINTS`, where there are
            several. Defaults to `""`.

    Example:
        >>> from qaconv_tf.datasets.records import ReidDataset
        >>> ReidDataset("market1501", train=(), query=(), gallery=()).train
        ()
    """

    name: str
    train: Sequence[ImageRecord]
    query: Sequence[ImageRecord]
    gallery: Sequence[ImageRecord]
    dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)
    version: str = ""


def split_by_first_image(name: str, records: Iterable[ImageRecord]) -> ReidDataset:
    """Splits a data set that names no parts: trained on as a whole, searched with the first image of each identity.

    Every image is in `train`. For evaluation, the first image in path order of each identity that has two or more is
    a query, and all other images, those of identities with a single image included, are the gallery. Evaluating on
    what the model was trained on says little: give such a data set to one of the two only.

    Args:
        name: str. The data set's name.
        records: `ImageRecord`s in any order.

    Returns:
        The `ReidDataset`, each part in path order.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord, split_by_first_image
        >>> paths = ["rex/1.jpg", "rex/2.jpg", "tom/1.jpg"]
        >>> records = [ImageRecord(path, identity=path.split("/")[0]) for path in paths]
        >>> dataset = split_by_first_image("pets", records)
        >>> [record.path for record in dataset.query], [record.path for record in dataset.gallery]
        (['rex/1.jpg'], ['rex/2.jpg', 'tom/1.jpg'])
    """
    ordered = sorted(records, key=lambda record: record.path)
    images_of = collections.Counter(record.identity for record in ordered)
    query, gallery, seen = [], [], set()
    for record in ordered:
        is_query = record.identity not in seen and images_of[record.identity] > 1
        (query if is_query else gallery).append(record)
        seen.add(record.identity)
    return ReidDataset(name, train=tuple(ordered), query=tuple(query), gallery=tuple(gallery))


def training_labels(records: Sequence[ImageRecord]) -> tuple[np.ndarray, list[int | str]]:
    """Numbers the identities of a training set from 0, in an order that only their values decide.

    Args:
        records: sequence of `ImageRecord`.

    Returns:
        `labels`, int32 of shape `(len(records),)`, and `identities`, a list in which `identities[label]` is the data
        set's own identity: integers in rising order, then strings in rising order.

    Example:
        >>> from qaconv_tf.datasets.records import ImageRecord, training_labels
        >>> records = [ImageRecord("a.jpg", 7), ImageRecord("b.jpg", 2), ImageRecord("c.jpg", 7)]
        >>> labels, identities = training_labels(records)
        >>> labels.tolist(), identities
        ([1, 0, 1], [2, 7])
    """
    identities = sorted({record.identity for record in records}, key=lambda value: (isinstance(value, str), value))
    label_of = {identity: label for label, identity in enumerate(identities)}
    return np.array([label_of[record.identity] for record in records], dtype=np.int32), identities
