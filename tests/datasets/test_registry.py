import subprocess
import sys
import types

import pytest

from qaconv_tf.datasets import DATASETS, ImageRecord, ReidDataset, load_dataset, parse_dataset, require_split
from qaconv_tf.errors import UserError


def test_each_name_has_its_reader(make_files):
    root = make_files("market/query/0012_c1s1_000100_00.jpg", "folder/rex/1.jpg", "table/a.jpg", "table/all.csv")
    (root / "table" / "all.csv").write_text("path,identity\na.jpg,rex\n", encoding="utf-8")
    for name, folder in (("market1501", ""), ("image_folder", "folder"), ("csv_table", "table/all.csv")):
        dataset = load_dataset(name, root / folder)
        assert dataset.name == name
        assert len(dataset.train) + len(dataset.query) + len(dataset.gallery) > 0


def test_an_unknown_name_lists_the_known(tmp_path):
    with pytest.raises(UserError, match="market1501, .*image_folder, csv_table.*Received: name='marketplace'"):
        load_dataset("marketplace", tmp_path)


def test_the_official_names_are_known(make_files):
    root = make_files("Market-1501-v15.09.15/query/0012_c1s1_000100_00.jpg")
    assert load_dataset("market", root).name == "market1501"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("market1501", ("market1501", {}, "")),
        ("csv_table:a+b=c:d.csv", ("csv_table", {}, "a+b=c:d.csv")),
        ("set+all+split=3:data", ("set", {"all": "true", "split": "3"}, "data")),
    ],
)
def test_a_flag_names_a_data_set_its_options_and_its_place(text, parsed):
    assert parse_dataset(text) == parsed


def test_options_are_checked_and_get_their_own_types(monkeypatch, tmp_path):
    reader = types.SimpleNamespace(LAYOUT="anything", OPTIONS={"all": (False, True), "split": (0, 1, 2)})
    reader.load = lambda root, **options: ReidDataset(str(options), [ImageRecord("a.jpg", 1)], [], [])
    monkeypatch.setitem(DATASETS, "made_up", reader)
    assert load_dataset("made_up", tmp_path, all="true", split="2").name == "{'all': True, 'split': 2}"
    assert load_dataset("made_up", tmp_path, split=1).name == "{'split': 1}"
    with pytest.raises(UserError, match="split of 'made_up' to be one of 0, 1, 2. Received: split='5'"):
        load_dataset("made_up", tmp_path, split="5")
    with pytest.raises(UserError, match="an option of 'made_up': all, split, combine_all, .*clock. Received: 'every'"):
        load_dataset("made_up", tmp_path, every=True)
    with pytest.raises(UserError, match="an option of 'image_folder': combine_all, .*clock. Received: 'all'"):
        load_dataset("image_folder", tmp_path, all=True)


@pytest.mark.parametrize("name", DATASETS)
def test_a_missing_root_is_an_error(tmp_path, name):
    with pytest.raises(UserError, match=f"{name}.*Received: root=.*nowhere.*does not exist"):
        load_dataset(name, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("market1501", "query/-1_c1s1_000100_00.jpg"),
        ("image_folder", "rex/readme.txt"),
        ("csv_table", "all.csv"),
    ],
)
def test_no_image_at_all_is_an_error(make_files, name, file):
    root = make_files(file)
    if name == "csv_table":
        (root / file).write_text("path,identity\n", encoding="utf-8")
    with pytest.raises(UserError, match=f"at least one image.*{name}.*Received: root=.*There should be") as caught:
        load_dataset(name, root)
    assert str(root) in str(caught.value) and DATASETS[name].LAYOUT in str(caught.value)


def test_a_part_with_images_is_returned():
    parts = {split: (ImageRecord(f"{split}.jpg", "rex"),) for split in ("train", "query", "gallery")}
    dataset = ReidDataset("image_folder", **parts)
    for split, records in parts.items():
        assert require_split(dataset, split) == records


@pytest.mark.parametrize("name", ["image_folder", "made in memory"])
def test_an_empty_part_is_an_error(name):
    dataset = ReidDataset(name, train=(ImageRecord("a.jpg", "rex"),), query=(), gallery=())
    message = f"the query part of the data set '{name}'. Received: 1 train, 0 query, 0 gallery.*add the images"
    with pytest.raises(UserError, match=message):
        require_split(dataset, "query")


def test_reading_data_sets_needs_no_tensorflow():
    code = "import sys, qaconv_tf.datasets; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
