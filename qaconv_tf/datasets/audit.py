"""The data set doctor: everything that is wrong with a data set on disk. It reads, and changes nothing."""

import dataclasses
import os
import re
import shlex
from collections.abc import Callable, Mapping
from types import ModuleType

from qaconv_tf.datasets.audit_copies import check_copies, check_near_copies
from qaconv_tf.datasets.audit_files import audit_files, data_folder, find_misnamed, is_image, list_tree
from qaconv_tf.datasets.audit_images import check_damage, examine_images
from qaconv_tf.datasets.audit_records import audit_records
from qaconv_tf.datasets.finding import SEVERITIES, Finding
from qaconv_tf.datasets.records import SPLITS, ImageRecord, ReidDataset
from qaconv_tf.datasets.registry import DATASETS, find_reader, load_dataset
from qaconv_tf.errors import UserError

# Not tried for a folder that is laid out as something unknown: any folders are an image_folder, and the reader of
# cuhk03 would begin to extract its images.
_NOT_TRIED = ("image_folder", "cuhk03")
# These read lists of images: what is out of the list is out of the set, and a file that is only in the list is missed.
_LISTED = ("csv_table", "msmt17", "veri776")


def audit_dataset(
    name: str,
    root: str | os.PathLike,
    options: Mapping[str, object] | None = None,
    text: str = "",
    read_images: bool = True,
    processes: int | None = None,
    identities_per_batch: int = 16,
    instances_per_identity: int = 2,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[ReidDataset | None, list[Finding]]:
    """Checks a data set on disk.

    What its reader refuses is a finding too: then the files alone are checked.

    Args:
        name: str. As `load_dataset` takes it.
        root: str or path. The same.
        options: mapping. The same. Defaults to `None`, no options.
        text: str. What flags name the data set, for the commands that mend. Defaults to `""`, which takes
            `NAME:ROOT`.
        read_images: bool. Whether to read and decode every image. If not, damaged images and copies are not found.
            Defaults to `True`.
        processes: int or None. Processes that decode. Defaults to `None`: one a core, or fewer for few images.
        identities_per_batch: int. As the training is to take them. Defaults to `16`.
        instances_per_identity: int. The same. Defaults to `2`.
        progress: function of a stage's name and of the numbers of images done and in all. Defaults to `None`.

    Returns:
        `(dataset, findings)`: the `ReidDataset`, or `None` if its reader refuses it; a list of `Finding`, the worst
        first, empty if all is well.

    Raises:
        UserError: if the name or an option is unknown or `root` does not exist.

    Example:
        >>> import pathlib, tempfile
        >>> from qaconv_tf.datasets.audit import audit_dataset
        >>> with tempfile.TemporaryDirectory() as root:
        ...     for folder, name in (("query", "0002_c1s1_000451_03.jpg"), ("bounding_box_test", "0002_c2s1_9_03.jpg")):
        ...         pathlib.Path(root, folder).mkdir()
        ...         pathlib.Path(root, folder, name).touch()
        ...     dataset, findings = audit_dataset("market1501", root)
        >>> len(dataset.query), [(finding.title, finding.count) for finding in findings]
        (1, [('Images that cannot be used', 2)])
    """
    root, options = os.fspath(root), options or {}
    name, reader, _ = find_reader(name, root, options)
    text = text or f"{name}:{root}"
    try:
        dataset = load_dataset(name, root, **options)
    except UserError as error:
        dataset, files = None, list_tree(root)
        findings = [*_check_layout(name, reader, root, files, error), *audit_files(root, files, read=())]
        # Nothing is known of the images but that they are there.
        audited = ReidDataset(text, [ImageRecord(path, "") for path in filter(is_image, files)], (), ())
    else:
        audited = ReidDataset(text, *(getattr(dataset, split) for split in SPLITS), dataset.dropped, dataset.version)
        findings = audit_records(audited, reader, identities_per_batch, instances_per_identity)
        folder = data_folder(root, _paths(audited))
        findings += audit_files(folder, list_tree(folder), _paths(audited))
    findings += _audit_images(audited, processes, progress) if read_images else _check_listed_twice(audited)
    if name in _LISTED:
        findings = map(_by_line, findings)
    return dataset, sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def _by_line(finding):
    paths = (*finding.unwanted, *finding.candidates)
    lines = tuple(f"# remove from the list the line of {path}" for path in paths)
    return dataclasses.replace(finding, unwanted=(), candidates=(), commands=(*lines, *finding.commands))


def _paths(dataset):
    return list(dict.fromkeys(record.path for split in SPLITS for record in getattr(dataset, split)))


def _audit_images(dataset, processes, progress):
    def stage(name):
        return progress and (lambda done, total: progress(name, done, total))

    facts = examine_images(_paths(dataset), processes, stage("reading images"))
    # A damaged image is a finding of its own.
    copies = check_copies(dataset, {each.path: each.digest for each in facts if not each.trouble})
    near = check_near_copies(dataset, facts, stage("comparing training with test images"))
    return [*check_damage(facts), *copies, *near]


def _check_listed_twice(dataset):
    return check_copies(dataset, {path: path for path in _paths(dataset)})


def _check_layout(name: str, reader: ModuleType, root: str, files: list[str], error: UserError) -> list[Finding]:
    """What the reader stumbled over: every image of another name, or what it says itself."""
    parts = re.fullmatch(r"Expected (.*?)\. Received: (.*)", str(error), re.DOTALL)
    expected, found = parts.groups() if parts else (reader.LAYOUT, str(error))
    misnamed = find_misnamed(files, reader.parse_name) if hasattr(reader, "parse_name") else []
    # If it is all images, the layout is another one.
    if misnamed and len(misnamed) < sum(map(is_image, files)):
        aside = f"{root.rstrip(os.sep)}-aside"
        return [
            Finding(
                "error",
                "Images with other names",
                len(misnamed),
                expected,
                f"{len(misnamed)} of other names; the reader stops at the first",
                "Rename them or move them away, and check again: what else is wrong shows only then",
                examples=tuple(misnamed),
                commands=(
                    shlex.join(("mkdir", "-p", aside)),
                    *(shlex.join(("mv", "-n", "--", path, aside)) for path in misnamed),
                ),
            )
        ]
    others = [other for other in DATASETS if other not in (name, *_NOT_TRIED) and _is_read_as(other, root)]
    return [
        Finding(
            "error",
            f"Not readable as {name}",
            1,
            expected,
            found,
            f"Call it what it is laid out as: {', '.join(others)}" if others else f"Lay it out as {reader.LAYOUT}",
            workarounds=tuple(f"qaconv-check_dataset --dataset={other}:{shlex.quote(root)}" for other in others),
        )
    ]


def _is_read_as(name, root):
    try:
        load_dataset(name, root)
    except UserError:
        return False
    return True
