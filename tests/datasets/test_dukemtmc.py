import pathlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaconv_tf.datasets import dukemtmc, load_dataset
from qaconv_tf.datasets.dukemtmc import ImageName, parse_name
from qaconv_tf.errors import UserError


@given(identity=st.integers(-1, 10**5), camera=st.integers(0, 7), frame=st.integers(-(10**6), 10**7))
def test_a_written_name_reads_back(identity, camera, frame):
    path = f"some/9999_c9_f9999999/{identity:04d}_c{camera + 1}_f{frame:07d}.jpg"
    if identity == -1:
        path = path.replace("-001_c", "-1_c")
    assert parse_name(path) == ImageName(identity, camera, frame)


@pytest.mark.parametrize("name", ["0002_c1s1_000451_03.jpg", "0001_c9_f0046182.jpg", "0001_c0_f1.jpg", "x1_c1_f1.jpg"])
def test_another_name_is_an_error_that_names_the_file(make_files, name):
    root = make_files(f"query/{name}")
    with pytest.raises(UserError, match=f"0001_c2_f0046182.jpg.*Received: .*{re.escape(name)}"):
        dukemtmc.load(root)


@pytest.mark.parametrize("folder", ["", "DukeMTMC-reID", "duke", "dukemtmc-reid/DukeMTMC-reID"])
def test_parts_and_cameras_and_the_common_clock(make_files, folder):
    root = make_files(
        f"./{folder}/bounding_box_train/0001_c2_f0046182.jpg",
        f"./{folder}/query/0005_c5_f0005994.jpg",
        f"./{folder}/bounding_box_test/0005_c8_f0000000.jpg",
        f"./{folder}/bounding_box_test/0006_c1_f0000452.jpg",
        f"./{folder}/bounding_box_test/._0006_c1_f0000452.jpg",
    )
    dataset = load_dataset("duke", root)
    assert dataset.name == "dukemtmc"
    read = {
        part: [(pathlib.Path(r.path).name[:7], r.identity, r.camera, r.timestamp) for r in getattr(dataset, part)]
        for part in ("train", "query", "gallery")
    }
    # Camera 2 started 3606 frames after camera 5, camera 8 46765 and camera 1 5542, at 59.94 frames a second.
    assert read == {
        "train": [("0001_c2", 1, 1, (46182 + 3606) / 59.94)],
        "query": [("0005_c5", 5, 4, 100.0)],
        "gallery": [("0005_c8", 5, 7, 46765 / 59.94), ("0006_c1", 6, 0, 100.0)],
    }
