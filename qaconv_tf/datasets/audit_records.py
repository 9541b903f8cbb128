"""What is wrong with a data set, as far as its records tell: counts, identities, cameras, clocks, sampling."""

import collections
import dataclasses
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType

from qaconv_tf.datasets.finding import Finding
from qaconv_tf.datasets.records import SPLITS, ImageRecord, ReidDataset

# A set is taken for an incomplete published one if this many of the published numbers are met, or nearly so. Numbers
# below a hundred are met by chance.
_NUMBERS_MET = 2
_NEARLY = 0.05
_SMALLEST_NUMBER = 100


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A data set's counts beside the published ones that they are closest to.

    Args:
        version: str. A key of the reader's `FINGERPRINTS`.
        published: mapping. The counts of that version.
        differences: mapping of a count's name to `(published, found)`; empty for the published set itself.
        is_meant: bool. Whether it is that version or an incomplete copy, not another set in its layout: the reader
            knows the version, or the counts are near.
    """

    version: str
    published: Mapping[str, int]
    differences: Mapping[str, tuple[int, int]]
    is_meant: bool


def audit_records(
    dataset: ReidDataset, reader: ModuleType | None, identities_per_batch: int, instances_per_identity: int
) -> list[Finding]:
    """Checks counts, identities, cameras, clocks and what the samplers need; opens no image.

    Args:
        dataset: `ReidDataset`. Its name is written in the commands that mend.
        reader: module. Its reader, for the published counts and for whether identities start again in each part; or
            `None`.
        identities_per_batch: int. As the training is to take them.
        instances_per_identity: int. The same.

    Returns:
        A list of `Finding`, empty if all is well.

    Example:
        >>> from qaconv_tf.datasets import ImageRecord, ReidDataset
        >>> from qaconv_tf.datasets.audit_records import audit_records
        >>> gallery = [ImageRecord("g.jpg", "ann", camera=0, timestamp=2.0)]
        >>> dataset = ReidDataset("csv_table:t.csv", [], [ImageRecord("q.jpg", "ann", 0, 1.0)], gallery)
        >>> (finding,) = audit_records(dataset, None, identities_per_batch=2, instances_per_identity=2)
        >>> finding.severity, finding.title
        ('error', 'Queries seen again by their own camera only')
        >>> finding.workarounds
        ('python evaluate.py --test_datasets=csv_table:t.csv --camera_filter=none',)
    """
    return [
        *_check_counts(dataset, getattr(reader, "FINGERPRINTS", {})),
        *_check_parts(dataset),
        *_check_junk(dataset),
        *([] if getattr(reader, "IDENTITIES_RESTART", False) else _check_leaked_identities(dataset)),
        *_check_answers(dataset),
        *_check_cameras_and_clocks(dataset),
        *_check_training(dataset.train, identities_per_batch, instances_per_identity),
    ]


def counts_of(dataset: ReidDataset) -> dict[str, int]:
    """Returns a data set's counts by the names that `FINGERPRINTS` has for them.

    Example:
        >>> from qaconv_tf.datasets import ImageRecord, ReidDataset
        >>> from qaconv_tf.datasets.audit_records import counts_of
        >>> counts_of(ReidDataset("", [ImageRecord("a.jpg", 1), ImageRecord("b.jpg", 1)], [], []))["train identities"]
        1
    """
    counts = dict(dataset.dropped)
    for split in SPLITS:
        records = getattr(dataset, split)
        counts[f"{split} images"] = len(records)
        counts[f"{split} identities"] = len({record.identity for record in records})
    return counts


def compare_counts(dataset: ReidDataset, fingerprints: Mapping[str, Mapping[str, int]]) -> Comparison | None:
    """Finds the published version that a data set is closest to.

    Args:
        dataset: `ReidDataset`. If it knows its version, it is compared with that.
        fingerprints: mapping of a version to its published counts.

    Returns:
        A `Comparison`; `None` if no counts are published.

    Example:
        >>> from qaconv_tf.datasets import ImageRecord, ReidDataset
        >>> from qaconv_tf.datasets.audit_records import compare_counts
        >>> dataset = ReidDataset("", [ImageRecord("a.jpg", 1)], [], [])
        >>> found = compare_counts(dataset, {"V1": {"train images": 3}, "V2": {"train images": 1}})
        >>> found.version, dict(found.differences)
        ('V2', {})
    """
    counts = counts_of(dataset)
    if dataset.version in fingerprints:
        fingerprints = {dataset.version: fingerprints[dataset.version]}
    compared = [
        _compared(version, published, counts, is_known=version and version == dataset.version)
        for version, published in fingerprints.items()
    ]
    return min(compared, key=_distance, default=None)


def _distance(comparison):
    differences = comparison.differences.values()
    return len(differences), sum(abs(found - published) / published for published, found in differences)


def _compared(version, published, counts, is_known):
    differences = {
        name: (number, counts.get(name, 0)) for name, number in published.items() if counts.get(name, 0) != number
    }
    met = [
        name for name, number in published.items()
        if number >= _SMALLEST_NUMBER and abs(counts.get(name, 0) - number) <= _NEARLY * number
    ]  # fmt: skip
    is_meant = bool(is_known) or not differences or len(met) >= _NUMBERS_MET
    return Comparison(version, published, differences, is_meant)


def is_unsplit(dataset: ReidDataset) -> bool:
    """Returns whether the parts were made by rule, so that all images are in training and in testing."""
    test = {record.path for record in (*dataset.query, *dataset.gallery)}
    return bool(test) and test == {record.path for record in dataset.train}


def _check_counts(dataset, fingerprints):
    comparison = compare_counts(dataset, fingerprints)
    if comparison is None or not comparison.differences or not comparison.is_meant:
        return
    differences = comparison.differences
    # Somebody who only tests needs no training part.
    absent = {f"{split} {what}" for split in SPLITS if not getattr(dataset, split) for what in ("images", "identities")}
    yield Finding(
        "warning" if set(differences) <= absent else "error",
        "Numbers other than the published",
        len(differences),
        _listed((name, published) for name, (published, _) in differences.items()),
        _listed((name, found) for name, (_, found) in differences.items()),
        "Unpack the archive again: results on this copy cannot be compared with published ones. For a data set of your "
        "own that happens to be near these numbers, it means nothing",
    )


def _listed(numbers):
    return ", ".join(f"{number:,} {name}" for name, number in numbers)


def _check_parts(dataset):
    if is_unsplit(dataset):
        yield Finding(
            "note",
            "One set of images for training and testing",
            len(dataset.train),
            "a training part with other identities than query and gallery",
            f"no parts: all {len(dataset.train)} images are in both",
            "Train on it or test on it, not both; or make parts: folders train, query and gallery, or a split column",
        )
    elif bool(dataset.query) != bool(dataset.gallery):
        there, missing = ("query", "gallery") if dataset.query else ("gallery", "query")
        yield Finding(
            "error",
            "No gallery" if missing == "gallery" else "No query",
            1,
            "both a query and a gallery part, or neither",
            f"{len(getattr(dataset, there))} {there} images, 0 {missing} images",
            f"Add the {missing} images, or rename their folder to what the layout says",
        )


def _check_junk(dataset):
    """Market's junk and distractors that a folder or a table has turned into people."""
    images_of = collections.Counter(record.identity for record in dataset.train)
    usual = max((n for identity, n in images_of.items() if not _means(identity, "-1|0+")), default=0)
    junk = [record for split in SPLITS for record in getattr(dataset, split) if _means(record.identity, "-1")]
    # Identity 0 is a person in many data sets, but then not one with a crowd's images.
    distractors = [r for r in dataset.train if _means(r.identity, "0+") and images_of[r.identity] > 5 * usual > 0]
    for title, records in (("Junk images (identity -1)", junk), ("Distractors (identity 0) in training", distractors)):
        if records:
            yield Finding(
                "error",
                title,
                len(records),
                "people only, as Market-1501's rules say: junk takes no part, a distractor is only a wrong answer",
                f"{len(records)} images as if of one person",
                "Take them out",
                unwanted=_paths(records),
            )


def _means(identity, pattern):
    return isinstance(identity, str) and re.fullmatch(pattern, identity, re.ASCII) is not None


def _check_leaked_identities(dataset):
    if is_unsplit(dataset):
        return
    tested = {record.identity for record in (*dataset.query, *dataset.gallery)}
    leaked = [record for record in dataset.train if record.identity in tested]
    if leaked:
        identities = dict.fromkeys(record.identity for record in leaked)
        # If it is most of them, the numbers rather start again.
        few = 2 * len(identities) <= len({record.identity for record in dataset.train})
        yield Finding(
            "error",
            "Identities in training and testing",
            len(identities),
            "no identity in both: the model would be tested on people it was trained on",
            f"{len(identities)} of {len(tested)} tested identities, with {len(leaked)} training images",
            "Take them out of training; or, if the numbers only start again in each part, renumber one of the two",
            examples=tuple(f"identity {identity}: {_first(leaked, identity)}" for identity in identities),
            unwanted=_paths(leaked) if few else (),
        )


def _first(records, identity):
    return next(record.path for record in records if record.identity == identity)


def split_answerless(
    query: Sequence[ImageRecord], gallery: Sequence[ImageRecord]
) -> tuple[list[ImageRecord], list[ImageRecord]]:
    """Finds the queries that evaluation skips: those without an image of their identity from another camera.

    Args:
        query: sequence of `ImageRecord`.
        gallery: the same.

    Returns:
        The queries whose identity the gallery lacks, and those whose identity it has from their own camera only. An
        unknown camera equals no other.

    Example:
        >>> from qaconv_tf.datasets import ImageRecord
        >>> from qaconv_tf.datasets.audit_records import split_answerless
        >>> query = [ImageRecord("1.jpg", "ann", 0), ImageRecord("2.jpg", "bob", 0), ImageRecord("3.jpg", "cy", 0)]
        >>> gallery = [ImageRecord("4.jpg", "bob", 0), ImageRecord("5.jpg", "cy", 1)]
        >>> lacking, own_camera = split_answerless(query, gallery)
        >>> lacking[0].identity, own_camera[0].identity
        ('ann', 'bob')
    """
    cameras_of = collections.defaultdict(set)
    for record in gallery:
        cameras_of[record.identity].add(record.camera)
    lacking = [record for record in query if record.identity not in cameras_of]
    own = [r for r in query if r.camera is not None and cameras_of.get(r.identity) == {r.camera}]
    return lacking, own


def _check_answers(dataset):
    query, gallery = dataset.query, dataset.gallery
    if not query or not gallery:
        return
    lacking, own_camera = split_answerless(query, gallery)
    severity = "error" if len(lacking) + len(own_camera) == len(query) else "warning"
    if lacking:
        yield Finding(
            severity,
            "Queries of identities that the gallery lacks",
            len(lacking),
            "gallery images of each query's identity",
            f"none for {len(lacking)} of {len(query)} queries, which evaluation skips",
            "Add images of these identities to the gallery, spelled as in the query, or take the queries out",
            examples=_paths(lacking),
            unwanted=_paths(lacking) if severity == "warning" else (),
        )
    if own_camera:
        cameras = {record.camera for record in (*query, *gallery)}
        cause = "; all images have one camera id" if len(cameras) == 1 else ""
        yield Finding(
            severity,
            "Queries seen again by their own camera only",
            len(own_camera),
            "a gallery image of each query's identity from another camera: the rules ignore those of its own",
            f"none for {len(own_camera)} of {len(query)} queries, which evaluation skips{cause}",
            "If there were several cameras, give each its own id; if not, let images of the same camera be answers",
            examples=_paths(own_camera),
            workarounds=(f"python evaluate.py --test_datasets={shlex.quote(dataset.name)} --camera_filter=none",),
        )


def _check_cameras_and_clocks(dataset):
    records = (*dataset.query, *dataset.gallery)
    for field, group, word, meaning in (
        ("camera", "camera", "camera", "their own camera's images count as answers, unlike in published protocols"),
        ("timestamp", "seconds", "time", "temporal lifting (--tlift) needs the time of every image"),
    ):
        unknown = [record for record in records if getattr(record, field) is None]
        if unknown:
            yield Finding(
                # All unknown is how a folder of images is; some unknown are rows that were forgotten.
                "note" if len(unknown) == len(records) else "warning",
                f"Images without a {word}",
                len(unknown),
                f"the {word} of every query and gallery image",
                f"none for {len(unknown)} of {len(records)}: {meaning}",
                f"List the images in a table, csv_table:FILE.csv, with a column {field}; or, where the paths tell it, "
                "say how",
                examples=_paths(unknown),
                workarounds=(_with_pattern(dataset.name, group),),
            )
    times = {record.timestamp for record in records} - {None}
    if len(times) == 1 and len(records) > 1:
        yield Finding(
            "warning",
            "A clock that stands still",
            len(records),
            "timestamps in seconds that differ",
            f"{times.pop():g} for all images",
            "Write each image's own time, or none: temporal lifting (--tlift) would have no effect",
        )


def _with_pattern(text, group):
    name, _, path = text.partition(":")
    named = shlex.quote(f"{name}+clock=pattern:{path}")
    return rf"python evaluate.py --test_datasets={named} --clock_pattern='_(?P<{group}>\d+)' ..."


def _check_training(train, identities_per_batch, instances_per_identity):
    images_of = collections.Counter(record.identity for record in train)
    if train and len(images_of) < identities_per_batch:
        yield Finding(
            "warning",
            "Fewer training identities than a batch takes",
            len(images_of),
            f"{identities_per_batch} or more, as --identities_per_batch says",
            f"{len(images_of)}: training would refuse them",
            "Make the batch smaller, or add identities",
            workarounds=(f"python train.py --identities_per_batch={len(images_of)} ...",),
        )
    single = [record for record in train if images_of[record.identity] == 1]
    if single:
        yield Finding(
            "warning",
            "Training identities with a single image",
            len(single),
            "two images or more of each, from different cameras: a right answer to learn from",
            f"one image for {len(single)} of {len(images_of)} identities",
            "Add images of them, or leave them out; as it is, the sampler shows such an image as its own answer",
            examples=_paths(single),
        )
    few = {identity: count for identity, count in images_of.items() if 1 < count < instances_per_identity}
    if few:
        yield Finding(
            "note",
            "Training identities with fewer images than a batch shows",
            len(few),
            f"{instances_per_identity} or more, as --instances_per_identity says",
            f"fewer for {len(few)} of {len(images_of)} identities: the sampler repeats some",
            "Show fewer of each, or leave it so",
            examples=tuple(f"identity {identity}: {count} images" for identity, count in few.items()),
            workarounds=(f"python train.py --instances_per_identity={min(few.values())} ...",),
        )


def _paths(records: Iterable[ImageRecord]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(record.path for record in records))
