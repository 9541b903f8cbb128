"""More to train on: all parts of a data set, and several data sets at once."""

import dataclasses
import os
from collections.abc import Sequence

from qaconv_tf.datasets.records import ReidDataset, training_labels
from qaconv_tf.errors import UserError


def train_on_all_parts(
    dataset: ReidDataset, distractor: int | str | None = None, identities_restart: bool = False
) -> ReidDataset:
    """Moves all images of a data set to its training part, as with MSMT17 in published results on "MSMT17 (all)".

    Papers on domain generalisation call this Protocol-3 where it is done with all sources. What is trained on says
    nothing as a test, so the query and gallery parts become empty.

    Args:
        dataset: `ReidDataset`.
        distractor: int or str. The identity of wrong answers, which are of many people and never trained on. Defaults
            to `None`: there are none.
        identities_restart: bool. Whether the identities of query and gallery are numbers that start again from those
            of training, for other people. They are raised above the highest training identity, which adds their
            number where training counts from 0. Defaults to `False`.

    Returns:
        The `ReidDataset`: training images, then gallery, then query, an image that is in several parts once.

    Example:
        >>> from qaconv_tf.datasets import ImageRecord, ReidDataset
        >>> from qaconv_tf.datasets.combined import train_on_all_parts
        >>> parts = {part: [ImageRecord(f"{part}.jpg", identity=0)] for part in ("train", "query", "gallery")}
        >>> dataset = train_on_all_parts(ReidDataset("msmt17", **parts), identities_restart=True)
        >>> [(record.path, record.identity) for record in dataset.train]
        [('train.jpg', 0), ('gallery.jpg', 1), ('query.jpg', 1)]
    """
    first = 1 + max((record.identity for record in dataset.train), default=-1) if identities_restart else 0
    test = [record for record in (*dataset.gallery, *dataset.query) if record.identity != distractor]
    if first:
        test = [dataclasses.replace(record, identity=first + record.identity) for record in test]
    images = {}
    # By path: a data set without parts of its own trains on everything already.
    for record in (*dataset.train, *test):
        images.setdefault(record.path, record)
    version = f"{dataset.version} combine_all".strip()
    return dataclasses.replace(dataset, train=tuple(images.values()), query=(), gallery=(), version=version)


def combine_training_parts(datasets: Sequence[ReidDataset]) -> ReidDataset:
    """Makes one training set of several data sets, in which neither identities nor cameras collide.

    Identities are numbered from 0, those of each data set in the order of `training_labels` after those of the one
    before it, and cameras likewise; unknown cameras stay unknown.

    Args:
        datasets: sequence of `ReidDataset`, at least one. One alone is returned as it is.

    Returns:
        A `ReidDataset` of a training part only, named like its sources with commas between.

    Raises:
        UserError: if an image is in two of them: it would be trained to differ from itself.

    Example:
        >>> from qaconv_tf.datasets import ImageRecord, ReidDataset
        >>> from qaconv_tf.datasets.combined import combine_training_parts
        >>> a = ReidDataset("market1501", [ImageRecord("a/2.jpg", 2, 5), ImageRecord("a/7.jpg", 7, 0)], [], [])
        >>> b = ReidDataset("image_folder", [ImageRecord("b/1.jpg", "rex"), ImageRecord("b/2.jpg", "tom")], [], [])
        >>> c = ReidDataset("msmt17", [ImageRecord("c/0.jpg", 0, 0)], [], [])
        >>> [(record.identity, record.camera) for record in combine_training_parts([a, b, c]).train]
        [(0, 5), (1, 0), (2, None), (3, None), (4, 6)]
    """
    if len(datasets) == 1:
        return datasets[0]
    _check_distinct(datasets)
    records, first_identity, first_camera = [], 0, 0
    for dataset in datasets:
        labels, identities = training_labels(dataset.train)
        for record, label in zip(dataset.train, labels.tolist(), strict=True):
            camera = None if record.camera is None else first_camera + record.camera
            records.append(dataclasses.replace(record, identity=first_identity + label, camera=camera))
        first_identity += len(identities)
        first_camera += 1 + max((record.camera for record in dataset.train if record.camera is not None), default=-1)
    return ReidDataset(",".join(dataset.name for dataset in datasets), train=tuple(records), query=(), gallery=())


def _check_distinct(datasets):
    source_of = {}
    for number, dataset in enumerate(datasets):
        for record in dataset.train:
            if source_of.setdefault(os.path.abspath(record.path), number) != number:
                raise UserError(
                    f"Expected training sets without common images. Received: {record.path!r} in two of "
                    f"{', '.join(dataset.name for dataset in datasets)}. Name each data set and each folder once"
                )
