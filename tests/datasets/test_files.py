import pathlib

import numpy as np
import pytest

from qaconv_tf.datasets.files import find_root, list_files, list_folders, list_images
from qaconv_tf.errors import UserError


def names_of(paths):
    return [pathlib.Path(path).name for path in paths]


def test_images_of_every_suffix_and_case_come_sorted(make_files):
    stems = np.random.default_rng(3).permutation(1000)[:6]
    suffixes = (".jpg", ".JPG", ".jpeg", ".Jpeg", ".PNG", ".bmp")
    names = [f"{stem:03d}{suffix}" for stem, suffix in zip(stems, suffixes, strict=True)]
    root = make_files(*names)
    assert names_of(list_images(root)) == sorted(names)
    assert all(pathlib.Path(path).parent == root for path in list_images(root))


def test_leftovers_of_operating_systems_are_skipped(make_files):
    root = make_files("b.jpg", "._b.jpg", ".hidden.png", "Thumbs.db", "notes.txt", "__MACOSX/c.jpg", "folder.jpg/d.jpg")
    assert names_of(list_images(root)) == ["b.jpg"]
    assert names_of(list_folders(root)) == ["folder.jpg"]


def test_files_of_another_suffix(make_files):
    root = make_files("b.csv", "a.CSV", "c.jpg", ".d.csv")
    assert names_of(list_files(root, (".csv",))) == ["a.CSV", "b.csv"]


def test_folders_come_sorted_without_hidden_ones(make_files):
    root = make_files("tom/1.jpg", "rex/1.jpg", ".git/1.jpg", "file.jpg")
    assert names_of(list_folders(root)) == ["rex", "tom"]


@pytest.mark.parametrize("function", [list_images, list_folders])
@pytest.mark.parametrize("name", ["missing", "file.txt"])
def test_what_is_no_folder_is_an_error(make_files, function, name):
    folder = make_files("file.txt") / name
    with pytest.raises(UserError, match=f"Expected a folder.*Received: folder=.*{name}"):
        function(folder)


@pytest.mark.parametrize("place", ["", "Set_V1", "set/Set_V1", "Set_V1/Set_V1"])
def test_the_root_is_found_where_archives_and_users_put_it(make_files, place):
    root = make_files(f"./{place}/train/1.jpg", "other/train/1.jpg")
    assert find_root(root, ("Set_V1", "set"), ("test", "train")) == str(root / place).rstrip("/")


def test_no_root_names_what_was_looked_for(make_files):
    with pytest.raises(UserError, match="one of list.txt, train. Received: root=.*folders Set_V1, set. Pass"):
        find_root(make_files("Set_V2/train/1.jpg"), ("Set_V1", "set"), ("list.txt", "train"))
