"""RandPerson and ClonedPerson, whose images are named alike."""

import json
import pathlib
import re

import pytest

from qaconv_tf.datasets import clonedperson, load_dataset, randperson
from qaconv_tf.datasets.randperson import ImageName, parse_name
from qaconv_tf.errors import UserError

GOLDEN = json.loads((pathlib.Path(__file__).parents[1] / "golden" / "synthetic_datasets.json").read_text())


def rows(records):
    return [(pathlib.Path(record.path).name, record.camera, record.timestamp) for record in records]


@pytest.mark.parametrize(
    ("name", "parts"), [("randperson", ["train"]), ("clonedperson", ["train", "query", "gallery"])]
)
def test_golden_identities_cameras_and_times(make_files, name, parts):
    golden = GOLDEN[name]
    root = make_files(*golden["files"])
    dataset = load_dataset(name, root)
    assert sum(len(golden[part]) for part in parts) >= 36 * len(parts)
    for part in parts:
        records = getattr(dataset, part)
        assert rows(records) == [(file, camera, time) for file, _, camera, time in golden[part]]
        # The official loaders number training identities in the order of their images.
        number_of = {identity: number for number, identity in enumerate(dict.fromkeys(r.identity for r in records))}
        expected = [identity for _, identity, _, _ in golden[part]]
        assert [number_of[r.identity] if part == "train" else r.identity for r in records] == expected
        files = {pathlib.Path(file).name: int(pathlib.Path(file).name.split("_")[0]) for file in golden["files"]}
        assert all(r.identity == files[pathlib.Path(r.path).name] for r in records)


def test_junk_is_dropped_and_counted(make_files):
    root = make_files(*GOLDEN["clonedperson"]["files"])
    assert clonedperson.load(root).dropped == {f"junk in {part}": 4 for part in ("train", "query", "gallery")}
    root = make_files("subset/-1_s00_c00_f000001.jpg", "subset/000007_s00_c00_f000001.jpg")
    dataset = randperson.load(root / "subset")
    assert [record.identity for record in dataset.train] == [7] and dataset.dropped == {"junk in train": 1}


def test_scenes_of_randperson_follow_each_other_in_cameras_and_time(make_files):
    root = make_files(*(f"randperson_subset/{scene:06d}_s{scene:02d}_c01_f000048.png" for scene in range(11)))
    records = randperson.load(root).train
    assert [record.camera for record in records] == [1, 3, 5, 7, 9, 10, 11, 13, 14, 15, 16]
    assert [record.timestamp for record in records[:3]] == [2.0, (160_000 + 48) / 24, (340_000 + 48) / 24]
    assert [record.timestamp for record in records] == sorted(record.timestamp for record in records)


def test_letters_not_places_tell_scene_from_camera():
    # The release of June 2020 names the camera first; read by place, scene 3 would be camera 3.
    assert parse_name("000001_c01_s03_f000264.jpg") == ImageName(1, scene=3, camera=1, frame=264)
    assert parse_name("000001_s03_c01_f000264.jpg") == ImageName(1, scene=3, camera=1, frame=264)


@pytest.mark.parametrize(
    "name",
    ["holiday.jpg", "0001_s00_f000264.jpg", "0001_s00_s01_f000264.jpg", "0001_s00_c00_f.jpg", "-2_s00_c00_f000264.jpg"],
)
def test_another_name_is_an_error_that_names_the_file(make_files, name):
    root = make_files(f"randperson_subset/{name}")
    with pytest.raises(UserError, match=f"000000_s00_c00_f000264.jpg. Received: .*{re.escape(name)}"):
        randperson.load(root)


def test_an_unknown_scene_is_an_error(make_files):
    root = make_files("randperson_subset/000001_s11_c00_f000264.jpg")
    with pytest.raises(UserError, match="from s00 to s10. Received: .*000001_s11_c00_f000264.jpg"):
        randperson.load(root)


@pytest.mark.parametrize(
    "folder",
    ["", "randperson_subset", "randperson/randperson_subset", "randperson_subset/randperson_subset"],
)
def test_randperson_is_found_where_its_archive_and_users_put_it(make_files, folder):
    root = make_files(
        f"./{folder}/000001_s00_c00_f000264.JPG",
        f"./{folder}/._000001_s00_c00_f000264.JPG",
        f"./{folder}/Thumbs.db",
        "__MACOSX/randperson_subset/000001_s00_c00_f000264.JPG",
    )
    dataset = load_dataset("randperson", root)
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (1, 0, 0)


@pytest.mark.parametrize("folder", ["", "clonedperson"])
def test_clonedperson_is_found_and_may_lack_parts(make_files, folder):
    root = make_files(f"./{folder}/test/query/705227_s02_c02_f001117.JPG")
    dataset = load_dataset("clonedperson", root)
    assert [len(part) for part in (dataset.train, dataset.query, dataset.gallery)] == [0, 1, 0]


def test_cameras_of_clonedperson_are_shared_by_scenes_or_told_apart(make_files):
    root = make_files("test/query/700000_s02_c00_f000024.jpg", "test/gallery/700000_s06_c00_f000048.jpg")
    official, told_apart = load_dataset("clonedperson", root), load_dataset("clonedperson", root, cameras="by_scene")
    assert official.query[0].camera == official.gallery[0].camera == 0
    assert (told_apart.query[0].camera, told_apart.gallery[0].camera) == (200, 600)
    assert (told_apart.query[0].timestamp, told_apart.gallery[0].timestamp) == (1.0, 2.0)
