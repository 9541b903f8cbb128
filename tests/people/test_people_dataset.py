import collections
import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from qaconv_tf.datasets.market1501 import load
from qaconv_tf.errors import UserError
from qaconv_tf.people import dataset as people_dataset
from qaconv_tf.people import generate_people
from tests.oracles.people import folder_digests, garment_colour, mean_pair_distance, read_name

SMALL = {"train_identities": 5, "test_identities": 4, "images_per_camera": 2, "cameras_per_identity": 3, "seed": 3}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("people") / "campus"
    return directory, generate_people(directory, **SMALL)


def test_two_processes_write_the_bytes_of_one(made, tmp_path):
    directory, _ = made
    generate_people(tmp_path / "again", processes=2, **SMALL)
    assert folder_digests(tmp_path / "again") == folder_digests(directory)


def test_another_seed_and_another_network_are_other_images(tmp_path):
    few = SMALL | {"train_identities": 2, "test_identities": 0, "cameras_per_identity": 2}
    changes = {"first": {}, "seed": {"seed": 4}, "network": {"network": "station"}}
    images = []
    for name, change in changes.items():
        generate_people(tmp_path / name, **few | change)
        images.append({digest for path, digest in folder_digests(tmp_path / name).items() if path.endswith(".jpg")})
    assert [len(digests) for digests in images] == [8, 8, 8]
    assert len(set.union(*images)) == 24


def test_returns_what_the_market_reader_reads(made):
    directory, dataset = made
    read = load(directory)
    assert dataset.name == "people_campus"
    for part in ("train", "query", "gallery"):
        assert list(getattr(dataset, part)) == list(getattr(read, part))


def test_counts(made):
    directory, dataset = made
    # 5 people and 4 people x 3 cameras x 2 images; each of the 4 asks at 2 cameras; one distractor.
    assert len(dataset.train) == 30
    assert len(dataset.query) == 8
    assert len(dataset.gallery) == 24 - 8 + 6
    manifest = json.loads((directory / "manifest.json").read_text())
    assert manifest["images"] == {"train": 30, "query": 8, "gallery": 22}
    assert manifest["network"] == "campus" and manifest["seed"] == 3
    assert len(folder_digests(directory)) == 60 + 1


def test_training_and_test_share_no_person_and_every_query_has_an_answer(made):
    _, dataset = made
    train = {record.identity for record in dataset.train}
    assert train == {1, 2, 3, 4, 5}
    assert {record.identity for record in dataset.query} == {6, 7, 8, 9}
    assert {record.identity for record in dataset.gallery} == {0, 6, 7, 8, 9}
    for query in dataset.query:
        assert any(r.identity == query.identity and r.camera != query.camera for r in dataset.gallery)


def test_images_are_whole_and_of_varied_native_size(made):
    directory, _ = made
    sizes = []
    for path in directory.rglob("*.jpg"):
        with Image.open(path) as image:
            image.load()
            assert image.mode == "RGB"
            sizes.append(image.size)
        read_name(path.name)
    heights = [height for _, height in sizes]
    assert min(heights) >= 96 and max(heights) <= 200 and len(set(heights)) > 20
    assert all(0.25 < width / height < 0.9 for width, height in sizes)


def test_time_goes_on_from_camera_to_camera(made):
    _, dataset = made
    passes = collections.defaultdict(lambda: collections.defaultdict(list))
    for record in dataset.train:
        passes[record.identity][record.camera].append(record.timestamp)
    for cameras in passes.values():
        stays = sorted((min(times), max(times)) for times in cameras.values())
        assert all(len(set(times)) == 2 and max(times) - min(times) < 4 for times in cameras.values())
        # At least 12 m lie between two cameras, and nobody walks faster than 1.6 m/s.
        assert all(later[0] - earlier[1] > 3 for earlier, later in zip(stays[:-1], stays[1:], strict=True))


def test_a_person_looks_more_like_himself_than_like_others(tmp_path):
    dataset = generate_people(
        tmp_path, train_identities=24, test_identities=0, images_per_camera=1, cameras_per_identity=3, processes=1
    )
    colours = [garment_colour(record.path) for record in dataset.train]
    identities = [record.identity for record in dataset.train]
    cameras = [record.camera for record in dataset.train]
    same = mean_pair_distance(colours, identities, cameras, same=True)
    other = mean_pair_distance(colours, identities, cameras, same=False)
    assert same < 0.8 * other
    assert same > 0.05  # cameras do alter colours: the task is not trivial


def test_a_finished_folder_is_reused(made):
    directory, dataset = made
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    assert generate_people(directory, progress=lambda done, total: pytest.fail("drew again"), **SMALL) == dataset
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == before


@pytest.mark.parametrize("change", [{"seed": 4}, {"network": "arcade"}, {"images_per_camera": 1}])
def test_a_folder_of_other_arguments_is_refused_and_kept(made, change):
    directory, _ = made
    before = folder_digests(directory)
    with pytest.raises(UserError, match=r"same arguments.*manifest\.json"):
        generate_people(directory, **SMALL | change)
    assert folder_digests(directory) == before


def test_a_folder_of_another_version_is_refused(made, monkeypatch):
    directory, _ = made
    monkeypatch.setattr(people_dataset, "GENERATOR_VERSION", people_dataset.GENERATOR_VERSION + 1)
    with pytest.raises(UserError, match="same arguments"):
        generate_people(directory, **SMALL)


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path):
    (tmp_path / "thesis.txt").write_text("the only copy")
    with pytest.raises(UserError, match="holds other"):
        generate_people(tmp_path, **SMALL)
    assert os.listdir(tmp_path) == ["thesis.txt"]
    with pytest.raises(UserError, match="a file"):
        generate_people(tmp_path / "thesis.txt", **SMALL)


def test_an_interrupted_folder_is_completed_to_the_same_bytes(made, tmp_path):
    directory, dataset = made
    drawn = []

    def interrupt(done, total):
        drawn.append(done)
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_people(tmp_path / "set", progress=interrupt, processes=1, **SMALL)
    assert not (tmp_path / "set" / "manifest.json").exists()
    with pytest.raises(UserError, match="unfinished"):
        generate_people(tmp_path / "set", **SMALL | {"seed": 4})
    drawn.clear()
    generate_people(tmp_path / "set", progress=lambda done, total: drawn.append((done, total)), **SMALL)
    assert drawn == [(done, 60) for done in range(21, 61)]
    assert folder_digests(tmp_path / "set") == folder_digests(directory)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ({"network": "airport"}, "campus, station, arcade.*'airport'"),
        ({"cameras_per_identity": 7}, "at least 2 and at most 6.*cameras_per_identity=7"),
        ({"cameras_per_identity": 1}, "cameras_per_identity=1"),
        ({"images_per_camera": 0}, "images_per_camera=0"),
        ({"train_identities": -1}, "train_identities=-1"),
        ({"seed": -1}, "seed=-1"),
        ({"processes": 0}, "processes=0"),
    ],
)
def test_bad_arguments_are_named_and_nothing_is_written(tmp_path, arguments, expected):
    with pytest.raises(UserError, match=expected) as error:
        generate_people(tmp_path / "set", **arguments)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "set").exists()


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="written to"):
        generate_people(tmp_path / "file" / "set", **SMALL)


def test_photograph_is_a_pure_function_of_its_shot():
    from qaconv_tf.people.photograph import photograph
    from qaconv_tf.people.plan import plan_shots

    shots = plan_shots("arcade", 5, 3, 0, 1, 2)
    forward = [photograph("arcade", 5, shot) for shot in shots]
    backward = [photograph("arcade", 5, shot) for shot in reversed(shots)]
    assert forward == backward[::-1]
    assert len(set(forward)) == len(shots)
    assert np.asarray(Image.open(io.BytesIO(forward[0]))).std() > 5
