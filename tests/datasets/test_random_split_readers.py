"""VIPeR, PRID and iLIDS, which publish no splits."""

import collections
import pathlib
import re

import pytest

from qaconv_tf.datasets import ilids, load_dataset, prid, viper, write_splits
from qaconv_tf.datasets.splits import SAVED_SPLITS
from qaconv_tf.errors import UserError

VIPER_IDENTITIES = [0, 1, 2, 5, 9, 30, 311, 630, 872, 873]


def identities_of(records):
    return [record.identity for record in records]


def places_of(records):
    """Folder and name of each image."""
    return ["/".join(pathlib.Path(record.path).parts[-2:]) for record in records]


@pytest.fixture
def viper_root(make_files):
    files = [f"cam_a/{identity:03d}_{identity % 3 * 45}.bmp" for identity in VIPER_IDENTITIES]
    files += [f"cam_b/{identity:03d}_{90 + identity % 2 * 90}.BMP" for identity in VIPER_IDENTITIES]
    return make_files(*files, "cam_a/._000_45.bmp", "cam_b/Thumbs.db", "README.txt")


@pytest.mark.parametrize("split", range(10))
def test_half_of_viper_trains_and_the_other_half_is_sought_in_the_other_camera(viper_root, split):
    dataset = viper.load(viper_root, split)
    train, query, gallery = map(identities_of, (dataset.train, dataset.query, dataset.gallery))
    assert len(train) == 10 and collections.Counter(train) == dict.fromkeys(train, 2)
    assert len(query) == 5 and query == gallery == sorted(set(VIPER_IDENTITIES) - set(train))
    assert {record.camera for record in dataset.query} == {0} and {record.camera for record in dataset.gallery} == {1}
    for record in (*dataset.train, *dataset.query, *dataset.gallery):
        camera, identity = re.search(r"cam_([ab])/(\d+)_", record.path).groups()
        assert (record.camera, record.identity, record.timestamp) == ("ab".index(camera), int(identity), None)
    assert dataset.dropped == {}


def test_viper_swaps_query_and_gallery_alone(viper_root):
    dataset, swapped = load_dataset("viper", viper_root, split=2), load_dataset("viper", viper_root, split=2, swap=True)
    assert (swapped.train, swapped.query, swapped.gallery) == (dataset.train, dataset.gallery, dataset.query)


def test_viper_pairs_by_identity_where_a_file_is_missing(viper_root):
    before = viper.load(viper_root)
    (viper_root / "cam_b" / "001_180.BMP").unlink()
    dataset = viper.load(viper_root)
    assert 1 not in identities_of((*dataset.train, *dataset.query, *dataset.gallery))
    assert dataset.dropped == {"outside the split": 1}
    # Of the others none changes its side, but for the one that evens the halves.
    moved = set(identities_of(dataset.train)) ^ set(identities_of(before.train))
    assert len(moved - {1}) <= 1
    (viper_root / "cam_a" / "030_0.bmp").unlink()
    dataset = viper.load(viper_root)
    assert "cam_b/030_90.BMP" in places_of(dataset.gallery)
    assert 30 not in identities_of((*dataset.train, *dataset.query))


@pytest.mark.parametrize("folder", ["", "VIPeR", "viper/VIPeR", "VIPeR.v1.0"])
def test_viper_is_found(make_files, folder):
    root = make_files(f"./{folder}/cam_a/000_45.bmp", f"./{folder}/cam_b/000_90.bmp")
    assert len(load_dataset("viper", root).query) == 1


def make_prid(make_files, folder="."):
    files = [f"cam_a/person_{identity:04d}.png" for identity in (*range(1, 21), 198, 199, 200, 201, 202, 385)]
    files += [f"cam_b/person_{identity:04d}.png" for identity in (*range(1, 21), 198, 199, 200, 201, 202, 385, 749)]
    return make_files(
        *(f"{folder}/single_shot/{file}" for file in files),
        f"{folder}/multi_shot/cam_a/person_0001/0001.png",
        f"{folder}/single_shot/cam_a/._person_0001.png",
    )


@pytest.mark.parametrize("split", range(10))
def test_prid_shares_the_first_200_people_alone(make_files, split):
    dataset = prid.load(make_prid(make_files), split)
    train, query, gallery = map(identities_of, (dataset.train, dataset.query, dataset.gallery))
    assert len(set(train)) == 11 and len(train) == 22 and max(train) <= 200
    assert len(query) == 12 and max(query) <= 200 and not set(query) & set(train)
    # cam_a's 201 is another person than cam_b's.
    assert gallery == [*query, 201, 202, 385, 749]
    assert {record.camera for record in dataset.query} == {0} and {record.camera for record in dataset.gallery} == {1}
    assert all(("cam_b" in record.path) == (record.camera == 1) for record in dataset.train)
    assert dataset.dropped == {"outside the split": 3}


@pytest.mark.parametrize("folder", [".", "prid_2011", "prid2011/prid_2011"])
def test_prid_is_found_and_its_splits_can_be_saved(make_files, folder):
    root = make_prid(make_files, folder)
    splits = [load_dataset("prid", root, split=number) for number in range(10)]
    write_splits(splits, root / folder / "single_shot" / SAVED_SPLITS)
    assert [load_dataset("prid", root, split=number, saved=True) for number in range(10)] == splits


def make_ilids(make_files, folder="i-LIDS_Pedestrian/Persons"):
    counts = {identity: 2 + identity % 4 for identity in range(1, 20)}
    files = [f"{identity:04d}{image:03d}.jpg" for identity, count in counts.items() for image in range(1, count + 1)]
    return make_files(*(f"{folder}/{file}" for file in files), f"{folder}/._0001001.jpg"), counts


@pytest.mark.parametrize("split", range(10))
def test_ilids_seeks_one_image_of_each_person_with_another(make_files, split):
    root, counts = make_ilids(make_files)
    dataset = ilids.load(root, split)
    train, query, gallery = map(identities_of, (dataset.train, dataset.query, dataset.gallery))
    assert len(set(train)) == 9 and collections.Counter(train) == {person: counts[person] for person in train}
    assert query == gallery == sorted(set(counts) - set(train))
    for asked, answer in zip(dataset.query, dataset.gallery, strict=True):
        assert asked.path != answer.path and asked.camera != answer.camera
    for record in (*dataset.train, *dataset.query, *dataset.gallery):
        name = pathlib.Path(record.path).name
        assert (record.identity, record.camera, record.timestamp) == (int(name[:4]), int(name[4:7]) - 1, None)
    assert dataset.dropped == {"outside the split": sum(counts.values()) - len(train) - 20}


def test_ilids_varies_which_images_are_asked_with(make_files):
    root, _ = make_ilids(make_files)
    asked = collections.defaultdict(set)
    for split in range(10):
        for record in ilids.load(root, split).query:
            asked[record.identity].add(record.camera)
    assert sum(len(cameras) > 1 for cameras in asked.values()) > 12


def test_a_person_of_ilids_with_one_image_is_a_wrong_answer(make_files):
    root = make_files("Persons/0001001.jpg", "Persons/0002001.jpg")
    dataset = ilids.load(root)
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (1, 0, 1)


@pytest.mark.parametrize(
    "folder", ["Persons", "i-LIDS_Pedestrian/Persons", "ilids/i-LIDS_Pedestrian/Persons", "QMUL-iLIDS/images"]
)
def test_ilids_is_found_and_its_splits_can_be_saved(make_files, folder):
    root, _ = make_ilids(make_files, folder)
    splits = [load_dataset("ilids", root, split=number) for number in range(10)]
    write_splits(splits, root / folder / SAVED_SPLITS)
    assert [load_dataset("ilids", root, split=number, saved=True) for number in range(10)] == splits


@pytest.mark.parametrize(
    ("name", "file", "example"),
    [
        ("viper", "cam_a/45.bmp", "000_45.bmp"),
        ("viper", "cam_b/x00_45.bmp", "000_45.bmp"),
        ("prid", "single_shot/cam_a/person_0000.png", "person_0001.png"),
        ("prid", "single_shot/cam_b/0001.png", "person_0001.png"),
        ("ilids", "Persons/000101.jpg", "0001002.jpg"),
        ("ilids", "Persons/0001000.jpg", "0001002.jpg"),
        ("ilids", "Persons/00010001.jpg", "0001002.jpg"),
    ],
)
def test_another_name_is_an_error_that_names_the_file(make_files, name, file, example):
    other = ("cam_a/000_45.bmp", "cam_b/000_90.bmp", *(f"single_shot/cam_{view}/person_0001.png" for view in "ab"))
    root = make_files(file, *other)
    with pytest.raises(UserError, match=f"{example}.*Received: .*{re.escape(file)}"):
        load_dataset(name, root)


@pytest.mark.parametrize(
    ("name", "file"), [("viper", "cam_a/000_45.bmp"), ("prid", "single_shot/cam_a/person_0001.png")]
)
def test_a_missing_camera_is_an_error(make_files, name, file):
    with pytest.raises(UserError, match="Expected a folder.*cam_b"):
        load_dataset(name, make_files(file))


def test_published_splits_have_the_published_sizes(make_files):
    """Empty files under the published names: what the halves of 632, 200 and 119 people come to."""
    root = make_files(
        *(f"viper/cam_{camera}/{identity:03d}_0.bmp" for camera in "ab" for identity in range(632)),
        *(f"prid/single_shot/cam_a/person_{identity:04d}.png" for identity in range(1, 386)),
        *(f"prid/single_shot/cam_b/person_{identity:04d}.png" for identity in range(1, 750)),
        *(f"ilids/Persons/{identity:04d}{image:03d}.jpg" for identity in range(1, 120) for image in range(1, 5)),
    )
    for name, reader in (("viper", viper), ("prid", prid), ("ilids", ilids)):
        dataset = load_dataset(name, root / name, split=5)
        counts = dict(dataset.dropped)
        for part in ("train", "query", "gallery"):
            records = getattr(dataset, part)
            counts |= {f"{part} images": len(records), f"{part} identities": len(set(identities_of(records)))}
        published = reader.FINGERPRINTS[""]
        assert {key: counts[key] for key in published} == published
