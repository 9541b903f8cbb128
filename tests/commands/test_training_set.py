import pathlib

import pytest

from qaconv_tf.commands.evaluation import open_training_set
from qaconv_tf.errors import UserError


@pytest.fixture
def data_dir(tmp_path):
    names = (
        "market/bounding_box_train/0002_c1s1_000451_03.jpg",
        "market/bounding_box_test/0003_c2s1_000451_03.jpg",
        "duke/bounding_box_train/0002_c1_f0000451.jpg",
        "queries/query/0002_c1s1_000451_03.jpg",
        "folder/rex/1.jpg",
    )
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.touch()
    return tmp_path


def described(dataset):
    return [(pathlib.Path(record.path).name[:5], record.identity, record.camera) for record in dataset.train]


def test_one_or_several_sources(data_dir):
    assert described(open_training_set("market1501", data_dir)) == [("0002_", 2, 0)]
    dataset = open_training_set(f"market1501+combine_all,dukemtmc,image_folder:{data_dir}/folder", data_dir)
    assert dataset.name == "market1501,dukemtmc,image_folder"
    assert described(dataset) == [("0002_", 0, 0), ("0003_", 1, 1), ("0002_", 2, 2), ("1.jpg", 3, None)]


def test_each_source_must_have_training_images(data_dir):
    with pytest.raises(UserError, match="the train part of the data set 'market1501'. Received: 0 train, 1 query"):
        open_training_set(f"dukemtmc,market1501:{data_dir}/queries", data_dir)


def test_the_same_source_twice(data_dir):
    with pytest.raises(UserError, match="without common images.*Name each data set"):
        open_training_set("market1501,market", data_dir)
