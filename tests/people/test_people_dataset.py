import collections
import io
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from qaconv_tf.datasets import clonedperson, csv_table, market1501, randperson
from qaconv_tf.errors import UserError
from qaconv_tf.people import dataset as people_dataset
from qaconv_tf.people import generate_people, read_truth
from qaconv_tf.people.mesh import PARTS
from qaconv_tf.people.photograph import photograph
from qaconv_tf.people.plan import plan_shots
from qaconv_tf.people.truth_files import truth_path
from tests.oracles.people import folder_digests, garment_colour, mean_pair_distance, read_name

SMALL = {"train_identities": 5, "test_identities": 4, "images_per_camera": 2, "cameras_per_identity": 3, "seed": 3}
FEW = {"train_identities": 2, "test_identities": 0, "images_per_camera": 1, "cameras_per_identity": 2, "seed": 3}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("people") / "campus"
    return directory, generate_people(directory, ground_truth=True, **SMALL)


def test_another_seed_and_another_network_are_other_images():
    images = []
    for network, seed in (("campus", 3), ("campus", 4), ("station", 3)):
        shot = plan_shots(network, seed, 1, 0, 1, 2)[0]
        images.append(photograph(network, seed, shot).content)
    assert len(set(images)) == 3


def test_returns_what_the_market_reader_reads(made):
    directory, dataset = made
    read, listed = market1501.load(directory), csv_table.load(directory / "images.csv")
    assert dataset.name == "people_campus"
    for part in ("train", "query", "gallery"):
        assert list(getattr(dataset, part)) == list(getattr(read, part))
        rows = [
            (record.path, int(record.identity), record.camera, record.timestamp) for record in getattr(listed, part)
        ]
        assert rows == [(r.path, r.identity, r.camera, pytest.approx(r.timestamp)) for r in getattr(dataset, part)]


def test_returns_what_the_randperson_reader_reads(tmp_path):
    dataset = generate_people(tmp_path, layout="randperson", **FEW | {"test_identities": 4})
    assert list(dataset.train) == list(randperson.load(tmp_path).train)
    tests = clonedperson.load(tmp_path, cameras="by_scene")
    assert list(dataset.query) == list(tests.query) and list(dataset.gallery) == list(tests.gallery)
    # The person whom nobody asks for has a number of its own here.
    assert {record.identity for record in dataset.gallery} - {record.identity for record in dataset.query} == {7}


def test_the_preview_shows_the_people(made):
    directory, _ = made
    with Image.open(directory / "preview.jpg") as sheet:
        pixels = np.asarray(sheet)
    # Ten people, two a row, with up to six images each.
    assert pixels.shape == (5 * 196 + 4, 12 * 96 + 12, 3)
    assert pixels[4:196, 4:100].std() > 15 and pixels[:3].max() < 40


def test_counts(made):
    directory, dataset = made
    # 5 people and 4 people x 3 cameras x 2 images; each of the 4 asks at 2 cameras; one distractor.
    assert len(dataset.train) == 30
    assert len(dataset.query) == 8
    assert len(dataset.gallery) == 24 - 8 + 6
    manifest = json.loads((directory / "manifest.json").read_text())
    assert manifest["images"] == {"train": 30, "query": 8, "gallery": 22}
    assert manifest["network"] == "campus" and manifest["seed"] == 3 and manifest["ground_truth"]
    # An image and two files of ground truth each, manifest, table and preview.
    assert len(folder_digests(directory)) == 3 * 60 + 3


def test_ground_truth_fits_the_image(made):
    directory, dataset = made
    shares = []
    for record in dataset.train:
        parts, surface, _ = read_truth(directory, record.path)
        with Image.open(record.path) as image:
            assert parts.shape == image.size[::-1] and surface.shape == (*parts.shape, 3)
        assert parts.max() <= len(PARTS)
        body = (parts > 0) & (parts != 1 + PARTS.index("carried"))
        assert np.isfinite(surface[body]).all() and np.isnan(surface[parts == 0]).all()
        # The average body stands on the ground and is of average height: the head is above the feet.
        assert 0.7 < surface[body][:, 1].astype(float).max() - surface[body][:, 1].astype(float).min() < 2
        rows = np.nonzero(body)[0]
        top, low = (
            body & (np.indices(parts.shape)[0] < np.quantile(rows, 0.2)),
            body & (np.indices(parts.shape)[0] > np.quantile(rows, 0.8)),
        )
        assert surface[top][:, 1].astype(float).mean() > surface[low][:, 1].astype(float).mean() + 0.5
        shares.append(body.mean())
    assert 0.15 < np.mean(shares) < 0.6
    with pytest.raises(UserError, match="--ground_truth"):
        read_truth(directory, "query/0001_c1s1_000000_01.jpg")


def test_ground_truth_is_found_by_any_path_and_a_damaged_one_is_named(made, tmp_path, monkeypatch):
    directory, dataset = made
    whole = read_truth(directory, dataset.train[0].path)
    monkeypatch.chdir(directory.parent)
    np.testing.assert_array_equal(read_truth(directory.name, dataset.train[0].path).parts, whole.parts)
    path = pathlib.Path(dataset.train[0].path).relative_to(directory)
    archive = truth_path(directory, path).with_suffix(".npz").read_bytes()
    middle = len(archive) // 2
    damaged = archive[:middle] + bytes(255 - byte for byte in archive[middle : middle + 20]) + archive[middle + 20 :]
    for content in (b"", b"no archive", archive[:-40], damaged):
        truth_path(tmp_path, path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(truth_path(directory, path).with_suffix(".png"), truth_path(tmp_path, path).with_suffix(".png"))
        truth_path(tmp_path, path).with_suffix(".npz").write_bytes(content)
        with pytest.raises(UserError, match="Expected ground truth of") as error:
            read_truth(tmp_path, path)
        assert "\n" not in str(error.value)


def test_training_and_test_share_no_person_and_every_query_has_an_answer(made):
    _, dataset = made
    train = {record.identity for record in dataset.train}
    assert train == {1, 2, 3, 4, 5}
    assert {record.identity for record in dataset.query} == {6, 7, 8, 9}
    assert {record.identity for record in dataset.gallery} == {0, 6, 7, 8, 9}
    for query in dataset.query:
        assert any(r.identity == query.identity and r.camera != query.camera for r in dataset.gallery)


def test_images_are_whole_and_of_varied_native_size(made):
    _, dataset = made
    sizes = []
    for record in (*dataset.train, *dataset.query, *dataset.gallery):
        path = pathlib.Path(record.path)
        with Image.open(path) as image:
            image.load()
            assert image.mode == "RGB"
            sizes.append(image.size)
        read_name(path.name)
    heights = [height for _, height in sizes]
    assert min(heights) >= 60 and max(heights) <= 330 and len(set(heights)) > 20
    assert all(0.2 < width / height < 1.0 for width, height in sizes)


def test_time_goes_on_from_camera_to_camera(made):
    _, dataset = made
    passes = collections.defaultdict(lambda: collections.defaultdict(list))
    for record in dataset.train:
        passes[record.identity][record.camera].append(record.timestamp)
    for cameras in passes.values():
        stays = sorted((min(times), max(times)) for times in cameras.values())
        assert all(len(set(times)) == 2 and max(times) - min(times) < 8 for times in cameras.values())
        # At least 12 m lie between two cameras, and nobody walks faster than 1.6 m/s.
        assert all(later[0] - earlier[1] > 3 for earlier, later in zip(stays[:-1], stays[1:], strict=True))


def test_a_person_looks_more_like_himself_than_like_others(tmp_path):
    dataset = generate_people(
        tmp_path,
        train_identities=20,
        test_identities=0,
        images_per_camera=1,
        cameras_per_identity=3,
        seed=3,
        processes=1,
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
    again = generate_people(directory, ground_truth=True, progress=lambda *_: pytest.fail("drew again"), **SMALL)
    assert again == dataset
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == before


@pytest.mark.parametrize(
    "change",
    [{"seed": 4}, {"network": "arcade"}, {"images_per_camera": 1}, {"layout": "randperson"}, {"ground_truth": False}],
)
def test_a_folder_of_other_arguments_is_refused_and_kept(made, change):
    directory, _ = made
    before = folder_digests(directory)
    with pytest.raises(UserError, match=r"same arguments.*manifest\.json"):
        generate_people(directory, **SMALL | {"ground_truth": True} | change)
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
        generate_people(tmp_path / "set", progress=interrupt, processes=1, ground_truth=True, **SMALL)
    assert not (tmp_path / "set" / "manifest.json").exists()
    with pytest.raises(UserError, match="unfinished"):
        generate_people(tmp_path / "set", **SMALL | {"seed": 4})
    drawn.clear()
    note = lambda done, total: drawn.append((done, total))  # noqa: E731
    generate_people(tmp_path / "set", progress=note, processes=1, ground_truth=True, **SMALL)
    assert drawn == [(done, 60) for done in range(21, 61)]
    assert folder_digests(tmp_path / "set") == folder_digests(directory)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ({"network": "airport"}, "campus, station, arcade, quay.*'airport'"),
        ({"cameras_per_identity": 7}, "at least 2 and at most 6.*cameras_per_identity=7"),
        ({"cameras_per_identity": 1}, "cameras_per_identity=1"),
        ({"images_per_camera": 0}, "images_per_camera=0"),
        ({"train_identities": -1}, "train_identities=-1"),
        ({"seed": -1}, "seed=-1"),
        ({"processes": 0}, "processes=0"),
        ({"layout": "coco"}, "market1501, randperson.*'coco'"),
    ],
)
def test_bad_arguments_are_named_and_nothing_is_written(tmp_path, arguments, expected):
    with pytest.raises(UserError, match=expected) as error:
        generate_people(tmp_path / "set", **arguments)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "set").exists()


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="can be written to") as error:
        generate_people(tmp_path / "file" / "set", **SMALL)
    assert "\n" not in str(error.value)


def test_photograph_is_a_pure_function_of_its_shot():
    shots = plan_shots("campus", 3, 3, 0, 1, 2)
    forward = [photograph("campus", 3, shot).content for shot in shots]
    backward = [photograph("campus", 3, shot).content for shot in reversed(shots)]
    assert forward == backward[::-1]
    assert len(set(forward)) == len(shots)
    assert np.asarray(Image.open(io.BytesIO(forward[0]))).std() > 5
    assert photograph("campus", 3, shots[0], ground_truth=True).content == forward[0]


def test_images_are_those_of_this_version():
    """Whoever changes what is drawn sees it here, raises GENERATOR_VERSION, and writes the new colours."""
    expected = {
        "campus": [
            103, 104, 94, 100, 96, 91, 110, 115, 82, 112, 115, 81,
            75, 85, 66, 61, 63, 55, 75, 92, 67, 61, 72, 57,
        ],
        "station": [
            188, 181, 174, 201, 196, 188, 171, 166, 158, 187, 182, 173,
            137, 135, 131, 161, 157, 150, 156, 146, 142, 178, 175, 168,
        ],
    }  # fmt: skip
    for network, colours in expected.items():
        shot = plan_shots(network, 1, 1, 0, 1, 2)[0]
        picture = Image.open(io.BytesIO(photograph(network, 1, shot).content)).resize((2, 4), Image.Resampling.BOX)
        np.testing.assert_allclose(np.asarray(picture).reshape(-1), colours, atol=1)
    assert people_dataset.GENERATOR_VERSION == 3
