import pathlib

import pytest

from qaconv_tf.datasets import load_dataset, msmt17
from qaconv_tf.errors import UserError

LISTS = {
    "list_train.txt": ("0000/0000_000_01_0303morning_0015_0.jpg 0", "0001/0001_003_15_0302noon_1439_1_ex.jpg 1"),
    "list_val.txt": ("0001/0001_009_02_0113afternoon_0956_1.jpg 1",),
    "list_query.txt": ("0000/0000_002_12_0114morning_0006_2.jpg 0",),
    "list_gallery.txt": ("0000/0000_001_03_0114morning_0003_0.jpg 0", "0001/0001_000_03_0303noon_0001_0.jpg 1"),
}
FOLDERS = {"V1": ("train", "test"), "V2": ("mask_train_v2", "mask_test_v2")}


@pytest.fixture
def make_tree(make_files):
    def make(place="", version="V1", ending="\n", lists=LISTS):
        for name, lines in lists.items():
            folder = FOLDERS[version][name in ("list_query.txt", "list_gallery.txt")]
            root = make_files(*(f"./{place}/{folder}/{line.rsplit(' ', 1)[0]}" for line in lines))
            (root / place / name).write_bytes("".join(line + ending for line in lines).encode())
        return root

    return make


def described(records):
    return [
        (pathlib.Path(record.path).name[:8], record.identity, record.camera, record.timestamp) for record in records
    ]


TRAIN = [("0000_000", 0, 0, None), ("0001_003", 1, 14, None)]
VAL = [("0001_009", 1, 1, None)]
QUERY = [("0000_002", 0, 11, None)]
GALLERY = [("0000_001", 0, 2, None), ("0001_000", 1, 2, None)]


@pytest.mark.parametrize("version", ["V1", "V2"])
@pytest.mark.parametrize(
    "place", ["", "msmt", "MSMT17_V1", "MSMT17_V2", "MSMT17_V2/MSMT17_V2", "msmt17/MSMT17_V1", "MSMT17/MSMT17_V2"]
)
def test_both_versions_wherever_they_are(make_tree, place, version):
    root = make_tree(place, version)
    dataset = load_dataset("msmt", root)
    assert (dataset.name, dataset.version) == ("msmt17", version)
    read = [described(getattr(dataset, part)) for part in ("train", "query", "gallery")]
    assert read == [TRAIN + VAL, QUERY, GALLERY]
    for part, folder in (("train", FOLDERS[version][0]), ("query", FOLDERS[version][1])):
        assert all(pathlib.Path(r.path).parents[1] == root / place / folder for r in getattr(dataset, part))


def test_without_val(make_tree):
    root = make_tree()
    (root / "list_val.txt").unlink()
    dataset = load_dataset("msmt17", root, val="false")
    assert described(dataset.train) == TRAIN and described(dataset.gallery) == GALLERY
    assert dataset.version == "V1 without val" and dataset.version in msmt17.FINGERPRINTS


def test_published_counts():
    full, without = msmt17.FINGERPRINTS["V1"], msmt17.FINGERPRINTS["V2 without val"]
    assert full["train images"] == without["train images"] + 2_373 == 32_621
    everything = full["train images"] + full["query images"] + full["gallery images"]
    assert msmt17.FINGERPRINTS["V2 combine_all"]["train images"] == everything


def test_all_parts_count_test_identities_from_the_last_training_identity(make_tree):
    dataset = load_dataset("msmt17", make_tree(version="V2"), combine_all=True)
    assert [record.identity for record in dataset.train] == [0, 1, 1, 2, 3, 2]
    assert [record.camera for record in dataset.train] == [0, 14, 1, 2, 2, 11]
    assert (dataset.query, dataset.gallery, dataset.version) == ((), (), "V2 combine_all")


def test_a_gap_in_the_training_identities_does_not_merge_people(make_tree):
    lists = LISTS | {"list_train.txt": ("0000/0000_000_01_0303morning_0015_0.jpg 0", "0007/0007_000_01_a_1_1.jpg 7")}
    dataset = load_dataset("msmt17", make_tree(lists=lists), combine_all=True)
    assert {r.identity for r in dataset.train[3:]} == {8, 9}


@pytest.mark.parametrize("ending", ["\r\n", " \n", "\n\n"])
def test_line_ends_of_any_kind(make_tree, ending):
    assert described(load_dataset("msmt17", make_tree(ending=ending)).train) == TRAIN + VAL


def test_blanks_in_a_path(make_tree):
    lists = LISTS | {"list_query.txt": ("my 0000/0000_002_12_0114morning_0006_2.jpg 0",)}
    (record,) = load_dataset("msmt17", make_tree(lists=lists)).query
    assert (pathlib.Path(record.path).parent.name, record.identity, record.camera) == ("my 0000", 0, 11)


def test_underscores_in_a_folder(make_tree):
    lists = LISTS | {"list_query.txt": ("a_b_c_d/0000_002_12_0114morning_0006_2.jpg 0",)}
    assert load_dataset("msmt17", make_tree(lists=lists)).query[0].camera == 11


def test_leftovers_of_macos_are_no_images(make_tree, make_files):
    make_files(
        "__MACOSX/MSMT17_V2/._list_train.txt",
        "MSMT17_V2/._list_train.txt",
        "MSMT17_V2/mask_train_v2/0000/._0000_000_01_0303morning_0015_0.jpg",
        "MSMT17_V2/__MACOSX/mask_train_v2/._0000",
    )
    assert described(load_dataset("msmt17", make_tree("MSMT17_V2", "V2")).train) == TRAIN + VAL


@pytest.mark.parametrize("name", LISTS)
def test_a_missing_list_is_one_line(make_tree, name):
    root = make_tree()
    (root / name).unlink()
    with pytest.raises(UserError, match=f"Expected the list {name} .*Received: .*{name}.*No such file") as caught:
        load_dataset("msmt17", root)
    assert "\n" not in str(caught.value)


def test_no_list_at_all(make_files):
    with pytest.raises(UserError, match="Expected one of list_train.txt, .*list_gallery.txt. Received: root="):
        load_dataset("msmt17", make_files("MSMT17_V1/train/0000/0000_000_01_0303morning_0015_0.jpg"))


def test_no_folder_of_images(make_tree):
    root = make_tree()
    (root / "test").rename(root / "tests")
    with pytest.raises(UserError, match="train and test .V1. or mask_train_v2 and mask_test_v2 .V2.. Received: "):
        load_dataset("msmt17", root)


def test_missing_images_are_counted(make_tree):
    root = make_tree()
    (root / "test" / "0001" / "0001_000_03_0303noon_0001_0.jpg").unlink()
    with pytest.raises(UserError, match="without 1 of 2, the first '0001/0001_000_03.*list_gallery.txt', line 2"):
        load_dataset("msmt17", root)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("0000/0000_002_12_0114morning_0006_2.jpg", "an image and its identity"),
        ("0000/0000_002_12_0114morning_0006_2.jpg x", "an image and its identity"),
        ("0000/0000_002_c1_0114morning_0006_2.jpg 0", "Expected the camera"),
        ("0000/0000_002_00_0114morning_0006_2.jpg 0", "Expected the camera"),
    ],
)
def test_a_line_of_another_form(make_tree, line, told):
    root = make_tree()
    with open(root / "list_query.txt", "a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=f"{told}.*Received: .*list_query.txt', line 2: "):
        load_dataset("msmt17", root)


def test_estimated_times(make_tree):
    dataset = load_dataset("msmt17", make_tree(), clock="names")
    query, *gallery = [record.timestamp for record in (*dataset.query, *dataset.gallery)]
    assert gallery[0] - query == (3 - 6) * 2.0
    # From 14 January 9 o'clock to 3 March 12 o'clock.
    assert gallery[1] - query == (49 * 24 + 3) * 3600 + (1 - 6) * 2.0


@pytest.mark.parametrize("date", ["0303evening", "1340noon", "0303"])
def test_no_time_in_a_name(make_tree, date):
    lists = LISTS | {"list_query.txt": (f"0000/0000_002_12_{date}_0006_2.jpg 0",)}
    root = make_tree(lists=lists)
    assert load_dataset("msmt17", root).query[0].timestamp is None
    with pytest.raises(UserError, match=f"date and the time of day.*Received: .*{date}.*Leave the option clock"):
        load_dataset("msmt17", root, clock="names")
