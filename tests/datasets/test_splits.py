import hashlib
import json
import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaconv_tf.datasets import load_dataset, write_splits
from qaconv_tf.datasets.splits import SAVED_SPLITS, read_split, shuffled
from qaconv_tf.errors import UserError


def names_of(records):
    return [pathlib.Path(record.path).name for record in records]


@pytest.fixture
def viper_root(make_files):
    names = [f"{identity:03d}" for identity in range(0, 40, 2)]
    return make_files(
        *(f"VIPeR/cam_a/{name}_0.bmp" for name in names), *(f"VIPeR/cam_b/{name}_9.bmp" for name in names)
    )


def test_the_order_is_that_of_the_hashes():
    expected = sorted("abcdefgh", key=lambda item: hashlib.sha256(f"viper/3/{item}".encode()).hexdigest())
    assert shuffled("hgfedcba", "viper", 3) == expected
    assert expected not in (sorted(expected), sorted(expected, reverse=True))


@given(items=st.sets(st.integers(0, 10**6), max_size=40), seed=st.integers(0, 9), data=st.data())
def test_an_order_is_of_the_items_alone(items, seed, data):
    permuted = data.draw(st.permutations(sorted(items)))
    order = shuffled(permuted, seed)
    assert order == shuffled(items, seed) and set(order) == items
    some = data.draw(st.sets(st.sampled_from(sorted(items)))) if items else set()
    assert shuffled(some, seed) == [item for item in order if item in some]


def test_places_are_even():
    # Over ten seeds each of 200 items is in the first half five times on average, between 0 and 10 times.
    counts = np.zeros(200)
    for seed in range(10):
        counts[shuffled(range(200), seed)[:100]] += 1
    assert counts.mean() == 5 and 1.2 < counts.std() < 2.0


def test_a_split_depends_on_its_number_and_on_nothing_else(viper_root):
    splits = [load_dataset("viper", viper_root, split=number) for number in range(10)]
    assert splits == [load_dataset("viper", viper_root, split=str(number)) for number in range(10)]
    assert load_dataset("viper", viper_root) == splits[0]
    assert len({tuple(names_of(dataset.query)) for dataset in splits}) == 10


def test_saved_splits_are_the_same_splits(viper_root):
    path = viper_root / "VIPeR" / SAVED_SPLITS
    splits = [load_dataset("viper", viper_root, split=number) for number in range(10)]
    write_splits(splits, path)
    for number, dataset in enumerate(splits):
        assert load_dataset("viper", viper_root, split=number, saved=True) == dataset
    swapped = load_dataset("viper", viper_root, split=4, saved=True, swap=True)
    assert (swapped.query, swapped.gallery) == (splits[4].gallery, splits[4].query)


def test_saved_splits_of_another_laboratory_are_taken_as_they_are(viper_root):
    queries = ["cam_a/004_0.bmp", "cam_a/002_0.bmp"]
    images = {"train": ["cam_b/000_9.bmp"], "query": queries, "gallery": ["cam_b/002_9.bmp"]}
    (viper_root / "VIPeR" / SAVED_SPLITS).write_text(json.dumps([images]))
    dataset = load_dataset("viper", viper_root, saved="true")
    for part, names in images.items():
        paths = [pathlib.Path(record.path).relative_to(viper_root / "VIPeR") for record in getattr(dataset, part)]
        assert [path.as_posix() for path in paths] == names
    assert dataset.dropped == {"outside the split": 36}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "FileNotFoundError"),
        ("{", "JSONDecodeError"),
        ("[]", "IndexError"),
        ('[{"train": [], "query": []}]', "KeyError: 'gallery'"),
        ("[[1, 2, 3]]", "TypeError"),
        ('{"train": [], "query": [], "gallery": []}', "KeyError"),
    ],
)
def test_saved_splits_of_another_form_are_an_error(tmp_path, text, message):
    if text is not None:
        (tmp_path / SAVED_SPLITS).write_text(text)
    with pytest.raises(UserError, match=f"split 0 in .*{SAVED_SPLITS}.*Received: {message}.*Make the file") as caught:
        read_split(str(tmp_path), 0, [])
    assert "\n" not in str(caught.value)


def test_an_image_of_a_saved_split_that_is_missing_is_named(viper_root):
    splits = [load_dataset("viper", viper_root, split=number) for number in range(10)]
    write_splits(splits, viper_root / "VIPeR" / SAVED_SPLITS)
    lost = pathlib.Path(splits[7].gallery[3].path)
    lost.unlink()
    with pytest.raises(UserError, match=f"Received: 1 that are not in .*VIPeR', the first of them 'cam_b/{lost.name}'"):
        load_dataset("viper", viper_root, split=7, saved=True)


def test_a_place_that_cannot_be_written_is_an_error(viper_root):
    with pytest.raises(UserError, match="that can be written. Received: path=.*nowhere"):
        write_splits([load_dataset("viper", viper_root)], viper_root / "nowhere" / SAVED_SPLITS)
