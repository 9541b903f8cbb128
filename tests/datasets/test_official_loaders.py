"""Holds the readers to what the official loaders read from the same trees: see tests/golden/make_datasets.py."""

import json
import pathlib

import pytest

from qaconv_tf.datasets import load_dataset, training_labels

GOLDENS = json.loads((pathlib.Path(__file__).parents[1] / "golden" / "datasets.json").read_text())


def described(records, root, identities):
    """As the golden values are; their names are relative to the part's folder."""
    return [
        [pathlib.Path(record.path).relative_to(root).as_posix(), identity, record.camera, record.timestamp]
        for record, identity in zip(records, identities, strict=True)
    ]


def read(root, dataset):
    """What the official loaders give: labels for training, identities otherwise."""
    labels, _ = training_labels(dataset.train)
    parts = {"train": described(dataset.train, root, labels.tolist())}
    for part in ("query", "gallery"):
        records = getattr(dataset, part)
        parts[part] = described(records, root, [record.identity for record in records])
    return parts


@pytest.mark.parametrize(
    ("name", "options", "timed"),
    [
        ("market1501", {"clock": "official"}, True),
        ("dukemtmc", {}, True),
        ("cuhk03", {}, False),
    ],
)
def test_folders(make_files, name, options, timed):
    golden = GOLDENS[name]
    folders = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
    root = make_files(*golden["files"])
    ours = read(root, load_dataset(name, root, **options))
    for part, folder in folders.items():
        expected = [[f"{folder}/{file}", *facts] for file, *facts in golden[part]]
        if not timed:  # the official loader writes 0 for an unknown time
            assert {image.pop() for image in expected} == {0} and {image.pop() for image in ours[part]} == {None}
        # Not nearly the same: the seconds are of the same sums and quotients.
        assert ours[part] == expected


def test_the_fixed_clock_of_market1501_differs(make_files):
    root = make_files(*GOLDENS["market1501"]["files"])
    official, fixed = (load_dataset("market1501", root, clock=clock) for clock in ("official", "fixed"))
    pairs = [(a.timestamp, b.timestamp) for a, b in zip(official.gallery, fixed.gallery, strict=True)]
    assert all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


@pytest.mark.parametrize("combine_all", [False, True])
def test_lists(make_files, combine_all):
    golden = GOLDENS["msmt17 combine_all" if combine_all else "msmt17"]
    for name, lines in golden["lists"].items():
        folder = "train" if name in ("list_train.txt", "list_val.txt") else "test"
        root = make_files(*(f"{folder}/{line.split()[0]}" for line in lines))
        (root / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    ours = read(root, load_dataset("msmt17", root, combine_all=combine_all))
    folders = {"train": "" if combine_all else "train/", "query": "test/", "gallery": "test/"}
    for part in ("train",) if combine_all else folders:
        assert ours[part] == [[folders[part] + file, *facts, None] for file, *facts, _ in golden[part]]
