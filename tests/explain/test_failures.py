import numpy as np
import pytest

from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.explain.failures import impossible_sightings, mutual_strangers
from tests.explain.test_answers import random_case


@pytest.mark.parametrize("seed", range(4))
def test_strangers_are_each_others_best(seed):
    scores, query, gallery = random_case(seed, decimals=6, identities=8)

    def ignored(row, column):
        same = query[row].identity == gallery[column].identity
        same_camera = query[row].camera is not None and query[row].camera == gallery[column].camera
        return gallery[column].identity == -1 or (same and same_camera)

    expected = []
    for row in range(len(query)):
        columns = [column for column in range(len(gallery)) if not ignored(row, column)]
        best = max(columns, key=lambda column: scores[row, column])
        rows = [other for other in range(len(query)) if not ignored(other, best)]
        if max(rows, key=lambda other: scores[other, best]) == row and query[row].identity != gallery[best].identity:
            expected.append((row, best))
    expected.sort(key=lambda pair: -scores[pair])
    assert len(expected) > 3
    found = mutual_strangers(scores, query, gallery)
    assert [(one.row, one.column) for one in found] == expected
    assert [one.score for one in found] == pytest.approx([scores[pair] for pair in expected])


def walk(people, cameras, step, seconds_between):
    return [
        ImageRecord(f"{person}_{camera}.jpg", person, camera, 1e9 + step * person + seconds_between * camera)
        for person in range(people)
        for camera in range(cameras)
    ]


def test_two_places_within_a_second():
    records = walk(people=60, cameras=3, step=1000.0, seconds_between=90.0)
    records += [
        ImageRecord("half.jpg", 7, 1, 1e9 + 7000.5),  # half a second after camera 0
        ImageRecord("second.jpg", 8, 1, 1e9 + 8001.0),  # a whole second
        ImageRecord("twice.jpg", 9, 0, 1e9 + 9000.0),  # twice in one picture
        ImageRecord("track.jpg", 10, 0, 1e9 + 10000.04),  # the next picture of a track
        ImageRecord("unknown.jpg", 11, None, 1e9 + 11000.0),
        ImageRecord("timeless.jpg", 12, 1, None),
    ]
    found, overlapping = impossible_sightings(records[::-1], set(range(60)))
    assert not overlapping
    assert [({one.first.path, one.second.path}, one.seconds) for one in found] == [
        ({"9_0.jpg", "twice.jpg"}, 0.0), ({"7_0.jpg", "half.jpg"}, 0.5),
    ]  # fmt: skip
    assert impossible_sightings(records, {11, 12})[0] == []


def test_cameras_that_overlap_are_left_out_and_named():
    records = walk(people=30, cameras=2, step=1000.0, seconds_between=0.25)
    records += [ImageRecord(f"third{person}.jpg", person, 2, 1e9 + 1000 * person + 500) for person in range(30)]
    records.append(ImageRecord("wrong.jpg", 4, 2, 1e9 + 4000.0))
    found, overlapping = impossible_sightings(records, set(range(30)))
    assert overlapping == [(0, 1)]
    assert {(one.first.path, one.second.path) for one in found} == {("4_0.jpg", "wrong.jpg"), ("wrong.jpg", "4_1.jpg")}


@pytest.mark.parametrize("people, wrong, left_out", [(8, 2, False), (8, 3, True), (60, 3, False), (60, 4, True)])
@pytest.mark.parametrize("camera, seconds", [(1, 0.5), (0, 0.0)], ids=["two cameras", "one camera"])
def test_a_few_wrong_labels_do_not_hide_themselves(people, wrong, left_out, camera, seconds):
    records = walk(people, cameras=2, step=1000.0, seconds_between=90.0)
    records += [
        ImageRecord(f"wrong{person}.jpg", person, camera, 1e9 + 1000 * person + seconds) for person in range(wrong)
    ]
    found, overlapping = impossible_sightings(records, set(range(people)))
    assert overlapping == ([(0, camera)] if left_out else [])
    expected = set() if left_out else {(f"{person}_0.jpg", f"wrong{person}.jpg") for person in range(wrong)}
    assert {tuple(sorted((one.first.path, one.second.path))) for one in found} == expected


def test_an_image_that_is_query_and_gallery_does_not_meet_itself():
    record = ImageRecord("same.jpg", 3, 0, 5.0)
    assert impossible_sightings([record, record], {3}) == ([], [])


def test_scores_of_a_memory_map_are_read_by_rows(tmp_path):
    scores, query, gallery = random_case(0)
    mapped = np.memmap(tmp_path / "scores", np.float32, "w+", shape=scores.shape)
    mapped[:] = scores
    assert mutual_strangers(mapped, query, gallery) == mutual_strangers(scores, query, gallery)
