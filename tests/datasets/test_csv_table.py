import pathlib

import numpy as np
import pytest

from qaconv_tf.datasets import csv_table
from qaconv_tf.datasets.csv_table import number_cameras
from qaconv_tf.errors import UserError


@pytest.fixture
def write_table(make_files):
    """Writes table.csv beside the images a.jpg, b.jpg, c.jpg and returns its path."""

    def write(*lines, encoding="utf-8"):
        root = make_files("a.jpg", "b.jpg", "c.jpg")
        path = root / "table.csv"
        path.write_text("\n".join(lines) + "\n", encoding=encoding)
        return path

    return write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_two_columns_are_enough_and_the_shared_rule_splits(write_table, encoding):
    path = write_table("path,identity", "b.jpg,Zoë", "c.jpg,7", "a.jpg,Zoë", encoding=encoding)
    dataset = csv_table.load(path)
    assert dataset.name == "csv_table"
    assert [(pathlib.Path(record.path).name, record.identity) for record in dataset.train] == [
        ("a.jpg", "Zoë"),
        ("b.jpg", "Zoë"),
        ("c.jpg", "7"),
    ]
    assert all(record.camera is None and record.timestamp is None for record in dataset.train)
    assert [pathlib.Path(record.path).name for record in dataset.query] == ["a.jpg"]
    assert [pathlib.Path(record.path).name for record in dataset.gallery] == ["b.jpg", "c.jpg"]


def test_all_columns_in_another_order_with_others_between(write_table):
    path = write_table(
        "split, timestamp ,colour,camera,identity,path",
        "gallery,1.5,red,10,rex,b.jpg",
        "train,,blue,2,tom,c.jpg,surplus",
        "query,-3e2,,, rex ,a.jpg",
        "",
        "gallery,0,,gate,kim,a.jpg",
    )
    dataset = csv_table.load(path)

    def rows(records):
        return [(pathlib.Path(r.path).name, r.identity, r.camera, r.timestamp) for r in records]

    assert rows(dataset.train) == [("c.jpg", "tom", 0, None)]
    assert rows(dataset.query) == [("a.jpg", "rex", None, -300.0)]
    assert rows(dataset.gallery) == [("b.jpg", "rex", 1, 1.5), ("a.jpg", "kim", 2, 0.0)]


def test_paths_are_relative_to_the_table_or_absolute(make_files, monkeypatch, tmp_path_factory):
    root = make_files("set/lists/table.csv", "set/images/a b.jpg", "elsewhere/c.jpg")
    absolute = root / "elsewhere" / "c.jpg"
    table = root / "set" / "lists" / "table.csv"
    table.write_text(f"path,identity\n../images/a b.jpg,rex\n{absolute},rex\n", encoding="utf-8")
    expected = {str((root / "set" / "images" / "a b.jpg").resolve()), str(absolute.resolve())}
    for folder, received in ((tmp_path_factory.mktemp("other"), table), (table.parent, "table.csv")):
        monkeypatch.chdir(folder)
        assert {str(pathlib.Path(record.path).resolve()) for record in csv_table.load(received).train} == expected


def test_a_folder_with_one_table(write_table):
    path = write_table("path,identity", "a.jpg,rex")
    assert csv_table.load(path.parent) == csv_table.load(path)


@pytest.mark.parametrize("names", [(), ("one.csv", "two.CSV")])
def test_a_folder_with_none_or_several_tables_is_an_error(make_files, names):
    root = make_files("a.jpg", *names)
    with pytest.raises(UserError, match=f"exactly one CSV file.*Received: .* with {len(names)}"):
        csv_table.load(root)


def test_cameras_are_numbered_in_sorted_order():
    names = ["10", "9", "gate", "2.5", "-1", "", "Yard", "09"]
    shuffled = [names[index] for index in np.random.default_rng(2).permutation(len(names))]
    numbers = number_cameras(shuffled + names)
    assert numbers.pop("") is None
    assert sorted(numbers, key=numbers.get) == ["-1", "2.5", "09", "9", "10", "Yard", "gate"]
    assert sorted(numbers.values()) == list(range(7))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("file,identity", "a.jpg,rex"), r"columns path, identity.*table.csv.*\['file', 'identity'\].*Add path"),
        (("path;identity", "a.jpg;rex"), r"\['path;identity'\].*Add path and identity"),
        ((), "Add path and identity"),
        (("path,identity", "a.jpg,rex", "lost.jpg,tom"), "image file.*table.csv', line 3.*lost.jpg"),
        (("path,identity", ",rex"), "image file.*line 2"),
        (("path,identity", "a.jpg,rex", "", "b.jpg, "), "an identity.*line 4"),
        (("path,identity", "a.jpg"), "an identity.*line 2"),
        (("path,identity,timestamp", "a.jpg,rex,noon"), "in seconds.*table.csv', line 2: timestamp='noon'"),
        (("path,identity,timestamp", "a.jpg,rex,nan"), "line 2: timestamp='nan'"),
        (("path,identity,split", "a.jpg,rex,val"), "train, query, gallery.*table.csv', line 2: split='val'"),
        (("path,identity,split", "a.jpg,rex,"), "train, query, gallery.*line 2: split=''"),
    ],
)
def test_what_is_wrong_in_a_table_is_named(write_table, lines, message):
    with pytest.raises(UserError, match=message) as caught:
        csv_table.load(write_table(*lines))
    assert "\n" not in str(caught.value)


def test_another_encoding_is_an_error(write_table):
    path = write_table("path,identity", "a.jpg,Zoë", encoding="latin-1")
    with pytest.raises(UserError, match="UTF-8.*Received: .*table.csv"):
        csv_table.load(path)


def test_a_missing_table_is_an_error(tmp_path):
    with pytest.raises(UserError, match="readable CSV file.*missing.csv"):
        csv_table.load(tmp_path / "missing.csv")
