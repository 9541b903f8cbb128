import pathlib
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaconv_tf.datasets import load_dataset, market1501
from qaconv_tf.datasets.market1501 import ImageName, parse_name, session_offsets
from qaconv_tf.errors import UserError

PETS = pathlib.Path(__file__).parents[1] / "data" / "pets2009"


@given(
    identity=st.integers(-1, 10**6),
    camera=st.integers(0, 200),
    session=st.integers(0, 99),
    frame=st.integers(-(10**6), 10**9),
    box=st.integers(0, 99),
    suffix=st.sampled_from([".jpg", ".png", ".JPG", ".jpg.jpg"]),
)
def test_a_written_name_reads_back(identity, camera, session, frame, box, suffix):
    name = f"{identity:04d}" if identity >= 0 else str(identity)
    path = f"some/9999_c9s9_999999_99/{name}_c{camera + 1}s{session}_{frame:06d}_{box:02d}{suffix}"
    assert parse_name(path) == ImageName(identity, camera, session, frame)


@pytest.mark.parametrize(
    "name",
    [
        "holiday.jpg",
        "x0002_c1s1_000451_03.jpg",
        "0002_c0s1_000451_03.jpg",
        "0002_c1_f000451.jpg",
        "0002_c1s1_.jpg",
        "0002_c1s1_000451x.jpg",
        "-2_c1s1_000451_03.jpg",
        "--1_c1s1_000451_03.jpg",
        "00-2_c1s1_000451_03.jpg",
        "0002_cAs1_000451_03.jpg",
    ],
)
def test_another_name_is_an_error_that_names_the_file(make_files, name):
    root = make_files("query/0002_c1s1_000451_03.jpg", f"bounding_box_test/{name}")
    with pytest.raises(UserError, match=f"0002_c1s1_000451_03.jpg.*Received: .*{re.escape(name)}"):
        market1501.load(root)


def test_records_hold_what_the_names_say(make_files):
    root = make_files(
        "bounding_box_train/0007_c2s1_000050_01.jpg",
        "query/0012_c1s1_000100_00.jpg",
        "bounding_box_test/0012_c11s1_000025_00.jpg",
    )
    dataset = market1501.load(root)
    assert dataset.name == "market1501"
    for part, file, identity, camera, timestamp in (
        (dataset.train, "bounding_box_train/0007_c2s1_000050_01.jpg", 7, 1, 2.0),
        (dataset.query, "query/0012_c1s1_000100_00.jpg", 12, 0, 4.0),
        (dataset.gallery, "bounding_box_test/0012_c11s1_000025_00.jpg", 12, 10, 1.0),
    ):
        (record,) = part
        assert pathlib.Path(record.path) == root / file
        assert (record.identity, record.camera, record.timestamp) == (identity, camera, timestamp)


def test_junk_goes_and_distractors_stay_in_the_gallery_only(make_files):
    identities = ("-1", "0000", "0005")
    folders = ("bounding_box_train", "query", "bounding_box_test")
    root = make_files(*(f"{folder}/{identity}_c1s1_000451_03.jpg" for folder in folders for identity in identities))
    dataset = market1501.load(root)
    assert [record.identity for record in dataset.train] == [5]
    assert [record.identity for record in dataset.query] == [5]
    assert [record.identity for record in dataset.gallery] == [0, 5]
    assert dataset.dropped == {
        "junk in train": 1,
        "distractors in train": 1,
        "junk in query": 1,
        "distractors in query": 1,
        "junk in gallery": 1,
    }


def test_hand_drawn_boxes_are_not_read(make_files):
    root = make_files(
        "bounding_box_test/0001_c1s1_000100_00.jpg",
        "query/0001_c1s2_000025_00.jpg",
        "gt_bbox/0001_c1s1_000999_00.jpg",
        "gt_query/0001_c1s2_000025_00_good.mat",
    )
    dataset = market1501.load(root)
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (0, 1, 1)
    assert dataset.query[0].timestamp == 5.0


def test_golden_session_offsets():
    # Sessions of 100 to 600 frames. The official loader of tag v2.1 was run on such names: it adds the whole sum anew
    # for each session.
    names = [ImageName(1, 0, session, 100 * session) for session in range(1, 7)]
    assert list(session_offsets(names).values()) == [0, 100, 300, 600, 1000, 1500]
    assert list(session_offsets(names, clock="official").values()) == [0, 100, 400, 1100, 2600, 5700]


def test_the_clock_needs_the_training_part(make_files):
    names = ("bounding_box_train/0007_c1s1_000500_00.jpg", "query/0001_c1s2_000025_00.jpg")
    root = make_files("bounding_box_test/0001_c1s1_000100_00.jpg", *names)
    assert market1501.load(root).query[0].timestamp == 21.0
    (root / names[0]).unlink()
    assert market1501.load(root).query[0].timestamp == 5.0


@pytest.mark.parametrize("folder", ["images", "distractors_500k", "distractors_500k/images"])
def test_further_distractors_are_wrong_answers(make_files, folder):
    root = make_files(
        "Market-1501-v15.09.15/bounding_box_train/0002_c1s1_000010_00.jpg",
        "Market-1501-v15.09.15/bounding_box_test/0001_c1s1_000100_00.jpg",
        "Market-1501-v15.09.15/query/0001_c1s2_000025_00.jpg",
        *(f"Market-1501-v15.09.15/{folder}/{name}_c1s1_009000_00.jpg" for name in ("-1", "0000", "0001")),
        f"Market-1501-v15.09.15/{folder}/0000_c4s1_000050_00.jpg",
    )
    dataset = load_dataset("market1501", root, distractors_500k="true")
    assert [(record.identity, record.camera, record.timestamp) for record in dataset.gallery] == [
        (1, 0, 4.0),
        (0, 0, 360.0),
        (0, 3, None),
        (0, 0, 360.0),
    ]
    assert dataset.query[0].timestamp == 5.0
    assert (len(dataset.train), len(dataset.query)) == (1, 1)
    assert dataset.dropped == {"junk in distractors_500k": 1} and dataset.version == "distractors_500k"
    assert len(load_dataset("market1501", root).gallery) == 1


def test_further_distractors_that_are_not_there(make_files):
    root = make_files("query/0001_c1s2_000025_00.jpg", "images/readme.txt")
    with pytest.raises(UserError, match="distractors in one of images, distractors_500k, .*Received: .*Unpack"):
        market1501.load(root, distractors_500k=True)


def test_no_distractor_is_trained_on(make_files):
    root = make_files(
        "bounding_box_train/0002_c1s1_000010_00.jpg",
        "bounding_box_test/0001_c1s1_000100_00.jpg",
        "bounding_box_test/0000_c1s1_000100_01.jpg",
        "query/0001_c1s2_000025_00.jpg",
        "images/0000_c1s1_009000_00.jpg",
    )
    dataset = load_dataset("market1501", root, combine_all=True, distractors_500k=True)
    assert [record.identity for record in dataset.train] == [2, 1, 1]
    assert (dataset.query, dataset.gallery) == ((), ())


def test_sessions_follow_each_other_on_each_camera_over_all_parts(make_files):
    rng = np.random.default_rng(17)
    folders = ("bounding_box_train", "query", "bounding_box_test")
    images = {}
    for box in range(90):
        camera, session, frame = rng.integers(1, (4, 5, 9000)).tolist()
        images[f"{folders[box % 3]}/0003_c{camera}s{session}_{frame:06d}_{box:02d}.jpg"] = camera, session, frame
    root = make_files(*images)
    dataset = market1501.load(root)
    records = (*dataset.train, *dataset.query, *dataset.gallery)
    timestamps = {pathlib.Path(record.path).relative_to(root).as_posix(): record.timestamp for record in records}

    assert set(timestamps) == set(images)
    for name, (camera, session, frame) in images.items():
        expected = frame
        for earlier in range(1, session):
            expected += max((image[2] for image in images.values() if image[:2] == (camera, earlier)), default=0)
        assert timestamps[name] == expected / 25


def test_junk_does_not_lengthen_a_session(make_files):
    root = make_files(
        "bounding_box_test/-1_c1s1_009999_00.jpg",
        "bounding_box_test/0001_c1s1_000100_00.jpg",
        "query/0001_c1s2_000025_00.jpg",
    )
    (record,) = market1501.load(root).query
    assert record.timestamp == 5.0


@pytest.mark.parametrize(
    "folder", ["", "Market-1501-v15.09.15", "market", "Market-1501", "market1501/Market-1501-v15.09.15"]
)
def test_the_folder_may_be_one_below(make_files, folder):
    root = make_files(pathlib.Path(folder, "query", "0012_c1s1_000100_00.jpg"))
    dataset = market1501.load(root)
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (0, 1, 0)


def test_none_of_the_folders_is_an_error(make_files):
    root = make_files("images/0012_c1s1_000100_00.jpg")
    with pytest.raises(UserError, match="bounding_box_train, query, bounding_box_test.*Received: .*Market-1501-v15"):
        market1501.load(root)


def test_pets2009():
    dataset = market1501.load(PETS)
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (0, 36, 172)
    assert {record.identity for record in dataset.gallery} == set(range(1, 9))
    assert {record.identity for record in dataset.query} == {1, 2, 3, 4}
    assert all(pathlib.Path(record.path).is_file() for record in (*dataset.query, *dataset.gallery))
    first = dataset.query[0]
    assert (pathlib.Path(first.path).name, first.camera, first.timestamp) == ("0001_c1s1_000122_00.jpg", 0, 4.88)
