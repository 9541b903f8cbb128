import os
import pathlib

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from qaconv_tf.datasets import cuhk03_mat, load_dataset
from qaconv_tf.errors import UserError

PEOPLE = (7, 4)  # of each pair of cameras
CONFIG = "cuhk03_new_protocol_config_{}.mat"


def names_of(records):
    return [pathlib.Path(record.path).name for record in records]


@pytest.fixture(scope="module")
def pixels():
    """Random images by boxes and name; some people lack images, as in the vendor's file."""
    random = np.random.default_rng(8)
    images = {}
    for boxes in ("detected", "labeled"):
        images[boxes] = {}
        for pair, people in enumerate(PEOPLE, 1):
            for person in range(1, people + 1):
                for number in range(1, 11):
                    if random.random() < 0.4 or number in (1, 6):
                        name = f"{pair}_{person:03d}_{1 if number < 6 else 2}_{number:02d}.png"
                        height, width = random.integers(5, 9, 2)
                        images[boxes][name] = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return images


@pytest.fixture(scope="module")
def test_sets():
    """The classic protocol's 20 sets of three people each."""
    random = np.random.default_rng(9)
    people = [(pair, person) for pair, count in enumerate(PEOPLE, 1) for person in range(1, count + 1)]
    return [[people[index] for index in random.permutation(len(people))[:3]] for _ in range(20)]


def write_mat(path, pixels, test_sets):
    """As MATLAB 7.3 writes cells of cells: object references, and all dimensions in reverse."""
    with h5py.File(path, "w") as file:
        references = file.create_group("#refs#")

        def store(array, dtype=None):
            return references.create_dataset(str(len(references)), data=array, dtype=dtype).ref

        for boxes in ("detected", "labeled"):
            pairs = []
            for pair, people in enumerate(PEOPLE, 1):
                cells = np.empty((people, 10), object)
                for person in range(people):
                    for number in range(10):
                        name = f"{pair}_{person + 1:03d}_{1 if number < 5 else 2}_{number + 1:02d}.png"
                        # MATLAB stores an empty cell as the dimensions of its emptiness.
                        image = pixels[boxes].get(name, np.zeros(2, np.uint64))
                        cells[person, number] = store(image.T)
                pairs.append(store(cells.T, h5py.ref_dtype))
            file.create_dataset(boxes, data=np.array([pairs], object), dtype=h5py.ref_dtype)
        sets = np.array([[store(np.array(people, np.float64).T) for people in test_sets]], object)
        file.create_dataset("testsets", data=sets, dtype=h5py.ref_dtype)


def write_protocol(path, names, train, query, gallery):
    """The new protocol's file, of indices from 0 here and from 1 there."""
    people = {person: number for number, person in enumerate(dict.fromkeys(name[:5] for name in names), 1)}
    filelist = np.empty((len(names), 1), object)
    filelist[:, 0] = names
    labels = np.array([[people[name[:5]]] for name in names], np.uint16)
    parts = {
        f"{part}_idx": np.array(indices, np.uint16)[:, None] + 1
        for part, indices in (("train", train), ("query", query), ("gallery", gallery))
    }
    savemat(path, {"filelist": filelist, "labels": labels, **parts})
    return labels.ravel().tolist()


@pytest.fixture
def archive(tmp_path, pixels, test_sets):
    """A folder laid out as torchreid's guide says, the vendor's archive within."""
    folder = tmp_path / "cuhk03"
    (folder / "cuhk03_release").mkdir(parents=True)
    write_mat(folder / "cuhk03_release" / "cuhk-03.mat", pixels, test_sets)
    return folder


@pytest.fixture
def protocol(archive, pixels):
    """Random parts of the new protocol: by boxes, by part, `(name, identity, camera)` in the file's order."""
    random = np.random.default_rng(10)
    protocols = {}
    for boxes in ("detected", "labeled"):
        names = sorted(pixels[boxes])
        order = random.permutation(len(names))
        indices = {"train": order[:20], "query": order[20:26], "gallery": order[26:]}
        labels = write_protocol(archive / CONFIG.format(boxes), names, **indices)
        protocols[boxes] = {
            part: [(names[index], labels[index], int(names[index].split("_")[2]) - 1) for index in chosen]
            for part, chosen in indices.items()
        }
    return protocols


def described(records):
    return [(pathlib.Path(record.path).name, record.identity, record.camera) for record in records]


@pytest.mark.parametrize("boxes", ["detected", "labeled"])
def test_the_new_protocol_from_the_mat_files(tmp_path, archive, protocol, pixels, boxes):
    for root in (archive, tmp_path):
        dataset = load_dataset("cuhk03", root, boxes=boxes)
        assert (dataset.name, dataset.version) == ("cuhk03", boxes)
        for part, expected in protocol[boxes].items():
            assert described(getattr(dataset, part)) == expected
    for record in (*dataset.train, *dataset.query, *dataset.gallery):
        assert record.timestamp is None
        path = pathlib.Path(record.path)
        assert path.parent == archive / f"images_{boxes}"
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), pixels[boxes][path.name])
    # Extracted once, without what is not an image, and only the wanted boxes.
    assert sorted(os.listdir(archive / f"images_{boxes}")) == sorted(pixels[boxes])
    assert {path.name for path in archive.iterdir()} == {
        "cuhk03_release",
        CONFIG.format("detected"),
        CONFIG.format("labeled"),
        f"images_{boxes}",
    }


@pytest.mark.parametrize("boxes", ["detected", "labeled"])
def test_the_classic_protocol_needs_the_vendors_file_only(archive, pixels, test_sets, boxes):
    for split in (0, 19):
        dataset = load_dataset("cuhk03", archive, boxes=boxes, protocol="classic", split=split)
        assert dataset.version == f"classic {boxes}" and dataset.query == dataset.gallery
        expected = {True: [], False: []}
        for name in sorted(pixels[boxes]):
            pair, person, view = map(int, name.split("_")[:3])
            tested = (pair, person) in test_sets[split]
            expected[tested].append((name, 1000 * pair + person, view - 1))
        assert described(dataset.train) == expected[False] and described(dataset.query) == expected[True]
    (archive / f"images_{boxes}" / "holiday.png").touch()
    combined = load_dataset("cuhk03", archive, boxes=boxes, protocol="classic", combine_all=True)
    assert sorted(names_of(combined.train)) == sorted(pixels[boxes])


def test_a_stopped_extraction_goes_on_and_overwrites_nothing(monkeypatch, archive, protocol, pixels):
    written = []

    def stops(path, image, write=cuhk03_mat._write_image):
        if len(written) == 5:
            raise KeyboardInterrupt
        written.append(path)
        write(path, image)

    monkeypatch.setattr(cuhk03_mat, "_write_image", stops)
    with pytest.raises(KeyboardInterrupt):
        load_dataset("cuhk03", archive)
    monkeypatch.undo()
    assert not (archive / "images_detected").exists()
    partial = archive / "images_detected.partial"
    assert len(os.listdir(partial)) == 5
    kept = pathlib.Path(written[2])
    kept.write_bytes(b"as it was")

    dataset = load_dataset("cuhk03", archive)
    assert len(dataset.train) + len(dataset.query) + len(dataset.gallery) == len(pixels["detected"])
    assert (archive / "images_detected" / kept.name).read_bytes() == b"as it was"
    assert not partial.exists()


def test_an_image_stopped_halfway_is_not_taken_for_one(monkeypatch, archive, protocol):
    def half(image, file, **options):
        pathlib.Path(file).write_bytes(b"half an image")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(KeyboardInterrupt):
        load_dataset("cuhk03", archive)
    monkeypatch.undo()
    load_dataset("cuhk03", archive)
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in (archive / "images_detected").glob("[!.]*"))


def test_two_may_extract_at_once(monkeypatch, archive, protocol, pixels):
    def other_is_done_first(path, image, write=cuhk03_mat._write_image):
        monkeypatch.undo()
        load_dataset("cuhk03", archive)
        write(path, image)

    monkeypatch.setattr(cuhk03_mat, "_write_image", other_is_done_first)
    assert len(load_dataset("cuhk03", archive).train) == 20
    assert sorted(os.listdir(archive / "images_detected")) == sorted(pixels["detected"])


def test_a_place_that_cannot_be_written_is_one_line(archive, protocol):
    (archive / "images_detected.partial").touch()
    with pytest.raises(UserError, match="a place to extract .*Received: .*images_detected.partial") as caught:
        load_dataset("cuhk03", archive)
    assert "\n" not in str(caught.value)


def test_images_that_another_program_left_incomplete(archive, protocol, pixels):
    load_dataset("cuhk03", archive)
    first, second = sorted(pixels["detected"])[:2]
    for name in (first, second):
        (archive / "images_detected" / name).unlink()
    with pytest.raises(UserError, match=f"Received: .*images_detected' without 2, the first {first}. Remove"):
        load_dataset("cuhk03", archive)
    for path in (archive / "images_detected").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="Received: .*cuhk03.*without .*Remove"):
        load_dataset("cuhk03", archive)


def test_the_protocol_may_lie_beside_the_images(archive, protocol):
    (archive / CONFIG.format("detected")).rename(archive / "cuhk03_release" / CONFIG.format("detected"))
    assert described(load_dataset("cuhk03", archive).train) == protocol["detected"]["train"]


def test_a_missing_or_damaged_protocol(archive):
    with pytest.raises(UserError, match="new protocol. Received: .*config_labeled.mat.*person-re-ranking.*classic"):
        load_dataset("cuhk03_np_labeled", archive)
    savemat(archive / CONFIG.format("labeled"), {"labels": np.arange(3)})
    with pytest.raises(UserError, match="new protocol. Received: .*config_labeled.mat.*filelist"):
        load_dataset("cuhk03_np_labeled", archive)


def test_a_damaged_archive(archive, protocol):
    (archive / "cuhk03_release" / "cuhk-03.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    for options in ({}, {"protocol": "classic"}):
        with pytest.raises(UserError, match="Expected the file cuhk-03.mat.*Received: .*cuhk-03.mat"):
            load_dataset("cuhk03", archive, **options)


FILES = ("bounding_box_train/0001_c1_1.png", "query/0003_c2_6.png", "bounding_box_test/0003_c1_2.png")


@pytest.mark.parametrize(
    ("folder", "name", "options"),
    [
        ("", "cuhk03", {}),
        ("cuhk03-np/detected", "cuhk03", {}),
        ("cuhk03-np/labeled", "cuhk03", {"boxes": "labeled"}),
        ("cuhk03_np_detected", "cuhk03_np_detected", {}),
        ("cuhk03_np_labeled", "cuhk03_np_labeled", {}),
        ("CUHK03-NP/labeled", "cuhk03_np_labeled", {}),
        ("detected", "cuhk03", {}),
    ],
)
def test_folders(make_files, folder, name, options):
    root = make_files(*(f"./{folder}/{file}" for file in FILES), f"./{folder}/bounding_box_test/-1_c2_1.png")
    dataset = load_dataset(name, root, **options)
    assert dataset.name == "cuhk03" and dataset.dropped == {"junk in gallery": 1}
    assert dataset.version == ("labeled" if "labeled" in folder else "detected")
    facts = [(r.identity, r.camera, r.timestamp) for r in (*dataset.train, *dataset.query, *dataset.gallery)]
    assert facts == [(1, 0, None), (3, 1, None), (3, 0, None)]


def test_the_two_kinds_of_boxes_are_not_confused(make_files):
    root = make_files(*(f"{folder}/{file}" for folder in ("detected", "labeled") for file in FILES))
    for boxes in ("detected", "labeled"):
        dataset = load_dataset("cuhk03", root, boxes=boxes)
        assert {pathlib.Path(record.path).parents[1].name for record in dataset.train} == {boxes}
        assert load_dataset("cuhk03", root / boxes, boxes=boxes).version == boxes
    with pytest.raises(UserError, match="the detected images.*Received: .*labeled.*Write cuhk03.boxes=labeled"):
        load_dataset("cuhk03", root / "labeled")


def test_the_classic_protocol_is_not_in_folders(make_files):
    with pytest.raises(UserError, match="Expected one of cuhk03_release/cuhk-03.mat, cuhk-03.mat"):
        load_dataset("cuhk03", make_files(*FILES), protocol="classic")


def test_another_name_is_an_error(make_files):
    with pytest.raises(UserError, match="0003_c1_21.png.*Received: .*0002_c1s1_000451_03.jpg"):
        load_dataset("cuhk03", make_files("query/0002_c1s1_000451_03.jpg"))
