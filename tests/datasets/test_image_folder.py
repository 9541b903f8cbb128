import pathlib

import pytest

from qaconv_tf.datasets import image_folder
from qaconv_tf.errors import UserError


def names_of(records, root):
    return [pathlib.Path(record.path).relative_to(root).as_posix() for record in records]


def test_without_split_folders_the_first_images_are_the_queries(make_files):
    root = make_files("rex/9.png", "rex/1.JPG", "rex/5.jpg", "tom/3.jpg", "7/a.bmp", "7/b.jpeg", "stray.jpg")
    dataset = image_folder.load(root)
    assert dataset.name == "image_folder"
    assert names_of(dataset.train, root) == ["7/a.bmp", "7/b.jpeg", "rex/1.JPG", "rex/5.jpg", "rex/9.png", "tom/3.jpg"]
    assert names_of(dataset.query, root) == ["7/a.bmp", "rex/1.JPG"]
    assert names_of(dataset.gallery, root) == ["7/b.jpeg", "rex/5.jpg", "rex/9.png", "tom/3.jpg"]


def test_identity_is_the_folders_name_and_the_rest_unknown(make_files):
    root = make_files("007/a.jpg", "rex and tom/b.jpg")
    records = image_folder.load(root).train
    assert [(record.identity, record.camera, record.timestamp) for record in records] == [
        ("007", None, None),
        ("rex and tom", None, None),
    ]


def test_split_folders_are_the_parts(make_files):
    root = make_files("train/rex/1.jpg", "train/rex/2.jpg", "query/tom/1.jpg", "gallery/tom/2.jpg", "gallery/kim/3.jpg")
    dataset = image_folder.load(root)
    assert names_of(dataset.train, root) == ["train/rex/1.jpg", "train/rex/2.jpg"]
    assert names_of(dataset.query, root) == ["query/tom/1.jpg"]
    assert names_of(dataset.gallery, root) == ["gallery/kim/3.jpg", "gallery/tom/2.jpg"]
    assert [record.identity for record in dataset.gallery] == ["kim", "tom"]


def test_one_split_folder_suffices_and_the_others_are_empty(make_files):
    root = make_files("query/tom/1.jpg", "rex/1.jpg", "rex/2.jpg")
    dataset = image_folder.load(root)
    assert names_of(dataset.query, root) == ["query/tom/1.jpg"]
    assert len(dataset.train) == len(dataset.gallery) == 0


def test_leftovers_are_no_identities(make_files):
    root = make_files("rex/1.jpg", "rex/._1.jpg", "rex/Thumbs.db", "__MACOSX/1.jpg", ".cache/1.jpg")
    assert names_of(image_folder.load(root).train, root) == ["rex/1.jpg"]


def test_a_file_for_a_root_is_an_error(make_files):
    with pytest.raises(UserError, match="Expected a folder"):
        image_folder.load(make_files("rex.jpg") / "rex.jpg")
