import pathlib

import pytest

from qaconv_tf.datasets import load_dataset, set_clock, veri776
from qaconv_tf.datasets.names import ImageName
from qaconv_tf.datasets.veri776 import parse_name
from qaconv_tf.errors import UserError

FILES = {
    "train": ["image_train/0001_c001_00016450_0.jpg", "image_train/0003_c020_00000005_2.JPG"],
    "query": ["image_query/0002_c002_00030600_0.jpg"],
    "gallery": ["image_test/0002_c002_00030600_0.jpg", "image_test/0002_c010_00030605_1.jpg"],
}
ALL_FILES = [file for files in FILES.values() for file in files]


def names_of(records, root):
    return [pathlib.Path(record.path).relative_to(root).as_posix() for record in records]


@pytest.mark.parametrize("folder", ["", "VeRi", "veri/VeRi", "VeRi-776"])
def test_parts_identities_and_cameras(make_files, folder):
    root = make_files(*(f"./{folder}/{file}" for file in (*ALL_FILES, "image_train/._0001_c001_00016450_0.jpg")))
    dataset = load_dataset("veri776", root)
    for part, files in FILES.items():
        assert names_of(getattr(dataset, part), root / folder) == files
    records = (*dataset.train, *dataset.query, *dataset.gallery)
    assert [(r.identity, r.camera) for r in records] == [(1, 0), (3, 19), (2, 1), (2, 1), (2, 9)]
    # No frame rate is published.
    assert all(record.timestamp is None for record in records)
    assert dataset.dropped == {}


def test_the_frames_make_a_clock_for_who_assumes_a_rate(make_files):
    dataset = load_dataset("veri776", make_files(*ALL_FILES))
    timed = set_clock(dataset, "pattern", r"_c\d+_(?P<frame>\d+)_", frames_per_second=25)
    assert [record.timestamp for record in timed.train] == [658.0, 0.2]
    assert [record.camera for record in timed.train] == [0, 19]


def test_the_lists_of_names_decide_where_they_are(make_files):
    root = make_files(*ALL_FILES)
    (root / "name_test.txt").write_text("0002_c010_00030605_1.jpg\r\n\r\n", newline="")
    (root / "name_train.txt").write_text("\n".join(pathlib.Path(file).name for file in FILES["train"]) + "\n")
    dataset = veri776.load(root)
    assert names_of(dataset.train, root) == FILES["train"]
    assert names_of(dataset.gallery, root) == FILES["gallery"][1:]
    assert dataset.dropped == {"not in name_test.txt": 1}


def test_an_image_that_a_list_names_and_that_is_missing_is_named(make_files):
    root = make_files(*ALL_FILES)
    (root / "name_query.txt").write_text("0002_c002_00030600_0.jpg\n0009_c001_00000005_0.jpg\n")
    with pytest.raises(
        UserError, match="name_query.txt' names. Received: 1 .*image_query'.*'0009_c001_00000005_0.jpg'"
    ):
        veri776.load(root)


def test_a_part_may_be_missing_with_its_list_there(make_files):
    root = make_files(*FILES["query"], *FILES["gallery"])
    (root / "name_train.txt").write_text("0001_c001_00016450_0.jpg\n")
    dataset = veri776.load(root)
    assert [len(part) for part in (dataset.train, dataset.query, dataset.gallery)] == [0, 1, 2]


def test_names():
    assert parse_name("image_train/0776_c0020_00016450_0.jpg") == ImageName(identity=776, camera=19)


@pytest.mark.parametrize(
    "name", ["0002_002_00030600_0.jpg", "0002_c000_00030600_0.jpg", "x002_c001_1_0.jpg", "0002_c001.jpg"]
)
def test_another_name_is_an_error_that_names_the_file(make_files, name):
    root = make_files(*ALL_FILES, f"image_test/{name}")
    with pytest.raises(UserError, match=f"0001_c001_00016450_0.jpg.*Received: .*{name}"):
        veri776.load(root)


def test_none_of_the_folders_is_an_error(make_files):
    with pytest.raises(UserError, match="image_train, image_query, image_test. Received"):
        veri776.load(make_files("images/0001_c001_00016450_0.jpg"))
