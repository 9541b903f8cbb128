import pathlib
import re

import numpy as np
import pytest
from scipy.io import savemat

from qaconv_tf.datasets import grid, load_dataset
from qaconv_tf.datasets.grid import PARTITIONS, parse_name
from qaconv_tf.datasets.names import ImageName
from qaconv_tf.errors import UserError

NUM_IDENTITIES = 20


def write_partitions(folder, trained, name="trainIdxAll"):
    """As the data set has them: ten cells, each a structure whose third field lists identities."""
    cells = np.empty((1, len(trained)), dtype=object)
    for number, identities in enumerate(trained):
        # The other fields would make other splits.
        cells[0, number] = {"first": np.arange(1, 4), "second": np.arange(4, 7), "third": np.array([identities])}
    savemat(folder / PARTITIONS, {name: cells, "features": np.zeros((3, 2))})


@pytest.fixture
def make_grid(make_files):
    def make(folder="underground_reid"):
        rng = np.random.default_rng(23)
        cameras = rng.integers(1, 9, size=(NUM_IDENTITIES, 2))
        files = [f"probe/{i + 1:04d}_{first}_25100_1_2_3_4.jpeg" for i, (first, _) in enumerate(cameras)]
        files += [f"gallery/{i + 1:04d}_{second}_25900_1_2_3_4.JPEG" for i, (_, second) in enumerate(cameras)]
        files += [f"gallery/0000_{camera}_{frame}_1_2_3_4.jpeg" for frame, camera in enumerate((5, 8, 8))]
        root = make_files(*(f"{folder}/{file}" for file in files), f"{folder}/probe/._0001_1_1.jpeg")
        trained = [sorted(rng.permutation(NUM_IDENTITIES)[: NUM_IDENTITIES // 2] + 1) for _ in range(10)]
        write_partitions(root / folder, trained)
        return root, trained

    return make


@pytest.mark.parametrize("split", range(10))
def test_the_published_split_is_taken(make_grid, split):
    root, trained = make_grid()
    dataset = grid.load(root, split)
    tested = sorted(set(range(1, NUM_IDENTITIES + 1)) - set(trained[split]))
    assert sorted(record.identity for record in dataset.train) == sorted([*trained[split], *trained[split]])
    assert [record.identity for record in dataset.query] == tested
    assert [record.identity for record in dataset.gallery] == [0, 0, 0, *tested]
    assert all("/probe/" in record.path for record in dataset.query)
    assert all("/gallery/" in record.path for record in dataset.gallery)
    for record in (*dataset.train, *dataset.query, *dataset.gallery):
        identity, camera = re.match(r"(\d{4})_(\d)_", pathlib.Path(record.path).name).groups()
        assert (record.identity, record.camera, record.timestamp) == (int(identity), int(camera) - 1, None)


def test_distractors_are_wrong_answers_only(make_grid):
    root, trained = make_grid()
    (root / "underground_reid" / "probe" / "0000_1_7_1_2_3_4.jpeg").touch()
    write_partitions(root / "underground_reid", [[0, *identities] for identities in trained])
    dataset = load_dataset("grid", root, split=1)
    assert 0 not in {record.identity for record in (*dataset.train, *dataset.query)}
    assert [record.identity for record in dataset.gallery].count(0) == 3
    everything = load_dataset("grid", root, combine_all=True)
    assert {record.identity for record in everything.train} == set(range(1, NUM_IDENTITIES + 1))


@pytest.mark.parametrize("folder", [".", "underground_reid", "grid/underground_reid", "GRID"])
def test_grid_is_found(make_grid, folder):
    root, _ = make_grid(folder)
    assert len(load_dataset("grid", root, split="9").query) == NUM_IDENTITIES // 2


def test_names():
    assert parse_name("probe/0005_2_25100_229_94_99_249.jpeg") == ImageName(identity=5, camera=1)


@pytest.mark.parametrize("name", ["0005_25100.jpeg", "0005_0_25100_229_94_99_249.jpeg", "p005_2_25100_1_1_1_1.jpeg"])
def test_another_name_is_an_error_that_names_the_file(make_grid, name):
    root, _ = make_grid()
    (root / "underground_reid" / "probe" / name).touch()
    with pytest.raises(UserError, match=f"0005_2_25100_229_94_99_249.jpeg.*Received: .*{name}"):
        grid.load(root)


@pytest.mark.parametrize(
    "kind",
    [
        "missing",
        "no MATLAB file",
        "unknown version",
        "version 7.3",
        "cut off",
        "another name",
        "nine splits",
        "plain array",
    ],
)
def test_a_file_of_splits_that_cannot_be_used_is_an_error(make_grid, kind):
    root, trained = make_grid()
    path = root / "underground_reid" / PARTITIONS
    if kind == "missing":
        path.unlink()
    if kind == "no MATLAB file":
        path.write_text("hello")
    if kind == "unknown version":
        path.write_bytes(b"MATLAB 9.9".ljust(124) + b"\x00\x09IM" + bytes(64))
    if kind == "version 7.3":
        path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(64))
    if kind == "cut off":
        path.write_bytes(path.read_bytes()[:300])
    if kind == "another name":
        write_partitions(path.parent, trained, name="testIdxAll")
    if kind == "nine splits":
        write_partitions(path.parent, trained[:9])
    if kind == "plain array":
        savemat(path, {"trainIdxAll": np.arange(20).reshape(2, 10)})
    with pytest.raises(
        UserError, match=f"published splits .trainIdxAll. in .*{PARTITIONS}.*Received: .*Take"
    ) as caught:
        grid.load(root, 9)
    assert "\n" not in str(caught.value)


def test_published_splits_have_the_published_sizes(make_files):
    root = make_files(
        *(f"probe/{identity:04d}_1_1_1_2_3_4.jpeg" for identity in range(1, 251)),
        *(f"gallery/{identity:04d}_2_1_1_2_3_4.jpeg" for identity in range(1, 251)),
        *(f"gallery/0000_3_{frame}_1_2_3_4.jpeg" for frame in range(775)),
    )
    write_partitions(root, [np.arange(1, 251, 2)] * 10)
    dataset = grid.load(root, 5)
    counts = {}
    for part in ("train", "query", "gallery"):
        records = getattr(dataset, part)
        counts |= {f"{part} images": len(records), f"{part} identities": len({record.identity for record in records})}
    assert counts == grid.FINGERPRINTS[""]
