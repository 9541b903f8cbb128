"""evaluate.py's kept feature maps, and fixes of labels applied to what they score."""

import json
import pathlib
import re
import shutil

import numpy as np
import pytest

from qaconv_tf.model import build_model
from tests.commands.running import run_command

PETS2009 = "tests/data/pets2009"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model, a few images, and the flags that name both."""
    folder = tmp_path_factory.mktemp("run")
    build_model(weights=None, image_height=64, image_width=32).save(folder / "model.keras")
    for part, count in (("query", 8), ("bounding_box_test", 40)):
        (folder / "images" / part).mkdir(parents=True)
        names = sorted(pathlib.Path(PETS2009, part).glob("*.jpg"))
        for name in names[:: max(1, len(names) // count)]:
            shutil.copy(name, folder / "images" / part)
    sets = f"--test_datasets=market1501:{folder}/images"
    return folder, (f"--model={folder}/model.keras", sets)


def evaluate(capfd, *arguments):
    ended = run_command(capfd, "evaluate", *arguments)
    assert ended.status == 0, ended.err
    return ended.out


def results_of(folder):
    return json.loads((folder / "results.json").read_text())["evaluations"]


def test_fixes_are_applied_without_extracting_again(capfd, tmp_path, run, monkeypatch):
    folder, given = run
    out = evaluate(capfd, *given, f"--output_dir={tmp_path}", "--keep_maps")
    assert "feature maps of images: none kept" in out
    (kept,) = (tmp_path / "maps").iterdir()
    page = (tmp_path / "report.html").read_text()
    (page_data,) = json.loads(re.search('id="data">(.*?)</script>', page).group(1))
    query = page_data["queries"][0]
    path, was, *_ = page_data["images"][str(query["image"])]
    assert path.startswith("query/")
    other = next(one for one in page_data["images"].values() if one[1] != was)[1]
    table = tmp_path / "label_fixes.csv"
    table.write_text(f'dataset,path,was,identity\n"{page_data["name"]}","{path}","{was}","{other}"\n')

    def extract(*_, **__):
        raise AssertionError("extracted again")

    monkeypatch.setattr("qaconv_tf.evaluation.evaluator.extract_feature_maps", extract)
    out = evaluate(capfd, *given, f"--output_dir={tmp_path}", f"--label_fixes={table}")
    assert "kept ones" in out and "label fixes: 1 of" in out
    before, after = results_of(tmp_path)
    assert after["label_fixes"] == {"file": str(table), "images": 1} and "label_fixes" not in before
    assert before["mAP"] != after["mAP"] and before["num_gallery"] == after["num_gallery"]
    assert "extraction" in before["seconds"] and "extraction" not in after["seconds"]
    assert list((tmp_path / "maps").iterdir()) == [kept]
    # Unfixed, the kept maps give what the extracted ones gave, and so do those that the fixes themselves keep.
    evaluate(capfd, *given, f"--output_dir={tmp_path}", "--keep_maps")
    assert results_of(tmp_path)[-1]["mAP"] == before["mAP"]
    monkeypatch.undo()
    fixed = *given, f"--output_dir={tmp_path / 'second'}", f"--label_fixes={table}"
    assert "none kept" in evaluate(capfd, *fixed) and "kept ones" in evaluate(capfd, *fixed)
    assert [one["mAP"] for one in results_of(tmp_path / "second")] == [after["mAP"]] * 2


def test_kept_maps_are_of_this_model_and_these_images(capfd, tmp_path, run):
    folder, given = run
    images = tmp_path / "images"
    shutil.copytree(folder / "images", images)
    given = (given[0], f"--test_datasets=market1501:{images}")
    evaluate(capfd, *given, f"--output_dir={tmp_path}", "--keep_maps")
    first = sorted((images / "query").iterdir())
    shutil.copy(first[-1], first[0])  # another image of the same name
    assert "none kept" in evaluate(capfd, *given, f"--output_dir={tmp_path}", "--keep_maps")
    other = build_model(weights=None, image_height=64, image_width=32, seed=3)
    other.save(tmp_path / "other.keras")
    given = (f"--model={tmp_path / 'other.keras'}", given[1])
    assert "none kept" in evaluate(capfd, *given, f"--output_dir={tmp_path}", "--keep_maps")
    assert "kept ones" in evaluate(capfd, *given, f"--output_dir={tmp_path}", "--keep_maps")
    maps = [np.load(file) for file in (tmp_path / "maps").iterdir()]
    assert len(maps) == 3 and len({len(one) for one in maps}) == 1


def test_what_cannot_be_done_is_one_line(capfd, tmp_path, run):
    _, given = run
    ended = run_command(capfd, "evaluate", *given, "--keep_maps")
    assert ended.status == 2 and "Expected --run_dir or --output_dir with --keep_maps" in ended.err
    (tmp_path / "fixes.csv").write_text("path,identity\nnone.jpg,7\n")
    ended = run_command(capfd, "evaluate", *given, f"--label_fixes={tmp_path / 'fixes.csv'}")
    assert ended.status == 2 and ended.err.count("\n") == 1 and "which is none of the queries" in ended.err
