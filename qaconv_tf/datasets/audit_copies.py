"""The same picture twice in a data set: under two identities, in training and testing, as query and answer."""

import collections
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from qaconv_tf.datasets.audit_images import ImageFacts
from qaconv_tf.datasets.audit_records import is_unsplit
from qaconv_tf.datasets.finding import Finding
from qaconv_tf.datasets.records import SPLITS, ImageRecord, ReidDataset

# Of 256 bits of a sketch: JPEGs of pedestrians saved again at quality 75, or at another size and 90, differ by 10 to 15
# in the median and 19 to 31 at the 95th percentile; the nearest two people of 728 images, by 49.
_NEAR_BITS = 20
# A picture of a single colour looks like any other one.
_FEWEST_BITS_SET = 16


class _Copy(NamedTuple):
    split: str
    record: ImageRecord


def check_copies(dataset: ReidDataset, contents: Mapping[str, bytes | str]) -> list[Finding]:
    """Finds images that are there more than once.

    An image that is query and gallery under one identity and one camera is none: the rules ignore such a pair, and some
    published sets are made so.

    Args:
        dataset: `ReidDataset`.
        contents: mapping of a path to what is equal for equal files: a digest, or the path itself where files have not
            been read.

    Returns:
        A list of `Finding`, empty if all is well.

    Example:
        >>> from qaconv_tf.datasets import ImageRecord, ReidDataset
        >>> from qaconv_tf.datasets.audit_copies import check_copies
        >>> dataset = ReidDataset("", [ImageRecord("a.jpg", "ann"), ImageRecord("b.jpg", "bob")], [], [])
        >>> (finding,) = check_copies(dataset, {"a.jpg": b"same", "b.jpg": b"same"})
        >>> finding.title, finding.examples
        ('Images with two identities', ('a.jpg (ann) = b.jpg (bob)',))
    """
    splits = SPLITS[1:] if is_unsplit(dataset) else SPLITS
    groups = collections.defaultdict(list)
    for split in splits:
        for record in getattr(dataset, split):
            if contents.get(record.path):
                groups[contents[record.path]].append(_Copy(split, record))
    found = collections.defaultdict(list)
    for copies in groups.values():
        kind = _kind(copies) if len(copies) > 1 else None
        if kind is not None:
            found[kind].append(copies)
    return [kind(found[kind]) for kind in _KINDS if found[kind]]


def _kind(copies):
    """The worst that the copies of one image do, as the function that says so; None if they do no harm."""
    splits = {copy.split for copy in copies}
    # In some sets the identities of training and testing are numbered apart, so those two are not compared.
    sides = {"train" if split == "train" else "test" for split in splits}
    if len({(copy.split == "train", copy.record.identity) for copy in copies}) > len(sides):
        return _conflicting
    if "train" in splits and len(splits) > 1:
        return _leaked
    if any(_answers(*pair) for pair in itertools.combinations(copies, 2)):
        return _trivial
    return _repeated if len(copies) > len(splits) else None


def _answers(first, second):
    cameras = {first.record.camera, second.record.camera}
    return {first.split, second.split} == {"query", "gallery"} and (len(cameras) > 1 or None in cameras)


def _conflicting(groups):
    return Finding(
        "error",
        "Images with two identities",
        len(groups),
        "one identity for one image",
        f"{len(groups)} with two or more: training and ranking take the same picture for different people",
        "Find out who it is, and remove the copies under the other names",
        examples=tuple(map(_equation, groups)),
        candidates=tuple(copy.record.path for copies in groups for copy in copies),
    )


def _leaked(groups):
    tested = sum(copy.split != "train" for copies in groups for copy in copies)
    return Finding(
        "error",
        "Test images in training",
        tested,
        "no image in both",
        f"{tested} query and gallery images are training images too",
        "Take them out of training",
        examples=tuple(map(_equation, groups)),
        unwanted=_paths_of(groups, "train"),
    )


def _trivial(groups):
    return Finding(
        "error",
        "Queries that are their own answers",
        len(groups),
        "another picture of the person in the gallery",
        f"{len(groups)} images are both query and gallery and not ignored, as their cameras differ or are unknown",
        "Take them out of the gallery",
        examples=tuple(map(_equation, groups)),
        unwanted=_paths_of(groups, "gallery"),
    )


def _repeated(groups):
    surplus = [copy.record.path for copies in groups for copy in _surplus(copies)]
    return Finding(
        "warning",
        "Images that are there more than once",
        len(surplus),
        "each image once",
        f"{len(surplus)} copies of {len(groups)} images: they count as often in training and ranking",
        "Remove the copies",
        examples=tuple(map(_equation, groups)),
        unwanted=tuple(surplus),
    )


# The worst first.
_KINDS = (_conflicting, _leaked, _trivial, _repeated)


def _surplus(copies):
    """All but the first in each part."""
    seen = set()
    for copy in copies:
        if copy.split in seen:
            yield copy
        seen.add(copy.split)


def _equation(copies):
    if len({copy.record.identity for copy in copies}) == 1:
        return " = ".join(copy.record.path for copy in copies)
    return " = ".join(f"{copy.record.path} ({copy.record.identity})" for copy in copies)


def _paths_of(groups, split):
    return tuple(copy.record.path for copies in groups for copy in copies if copy.split == split)


def check_near_copies(
    dataset: ReidDataset, facts: Iterable[ImageFacts], progress: Callable[[int, int], None] | None = None
) -> list[Finding]:
    """Finds test images that look like training images saved again: resized, or compressed once more.

    Args:
        dataset: `ReidDataset`.
        facts: of its images, in any order.
        progress: function of the numbers of training images compared and in all. Defaults to `None`.

    Returns:
        A list of at most one `Finding`. Images that are the same to the byte are left to `check_copies`.
    """
    if is_unsplit(dataset) or not dataset.train or not (dataset.query or dataset.gallery):
        return []
    facts_of = {each.path: each for each in facts if each.sketch}
    train, test = (
        _distinctive(facts_of[r.path] for r in records if r.path in facts_of)
        for records in (dataset.train, (*dataset.query, *dataset.gallery))
    )
    twins = {}
    words = _words(test).T.copy()  # (4, test images)
    for number, (each, sketch) in enumerate(zip(train, _words(train), strict=True), 1):
        if progress is not None and (number % 256 == 0 or number == len(train)):
            progress(number, len(train))
        # The first word rules out nearly all.
        near = np.flatnonzero(np.bitwise_count(words[0] ^ sketch[0]) <= _NEAR_BITS)
        near = near[np.bitwise_count(words[:, near] ^ sketch[:, None]).sum(axis=0) <= _NEAR_BITS]
        twins.update((test[index].path, each.path) for index in near if test[index].digest != each.digest)
    if not twins:
        return []
    return [
        Finding(
            "warning",
            "Test images that look like training images",
            len(twins),
            "no picture in both, nor one saved again",
            f"{len(twins)} query and gallery images look the same as a training image",
            "Look at them; if they are the same pictures, take them out of training",
            examples=tuple(f"{tested} ~ {trained}" for tested, trained in twins.items()),
            candidates=tuple(dict.fromkeys(twins.values())),
        )
    ]


def _words(facts: Sequence[ImageFacts]) -> np.ndarray:
    return np.frombuffer(b"".join(each.sketch for each in facts), np.uint64).reshape(-1, 4)


def _distinctive(facts):
    return [each for each in facts if int.from_bytes(each.sketch).bit_count() >= _FEWEST_BITS_SET]
