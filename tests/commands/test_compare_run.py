"""evaluate.py --compare_run: two runs, the same queries."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from qaconv_tf.model import build_model
from tests.commands.running import run_command

SHOWN = ("rank-1", "mAP", "mAP'", "mINP")
MEASURES = ("rank1", "mAP", "mAP_trapezoid", "mINP")
ALIKE = ("dataset", "scoring", "protocol", "camera_filter")


@pytest.fixture
def images(tmp_path):
    """A folder of six people, five images each; the first is a query."""
    rng = np.random.default_rng(11)
    for person in range(6):
        folder = tmp_path / "images" / f"person{person}"
        folder.mkdir(parents=True)
        own = rng.integers(0, 256, (4, 2, 3))
        for number in range(5):
            noisy = np.clip(own + rng.normal(0, 60, own.shape), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).resize((32, 64)).save(folder / f"{number}.png")
    return f"image_folder:{tmp_path / 'images'}"


@pytest.fixture
def runs(tmp_path):
    """Two run folders, their models of other random weights."""
    for seed in (1, 2):
        (tmp_path / f"run{seed}").mkdir()
        model = build_model(weights=None, image_height=64, image_width=32, levels=(8,), neck_channels=4, seed=seed)
        model.save(tmp_path / f"run{seed}" / "model.keras")
    return tmp_path / "run1", tmp_path / "run2"


def evaluate(capfd, run, *arguments):
    return run_command(capfd, "evaluate", f"--run_dir={run}", *arguments)


def assert_refused(ended, runs, reason):
    assert ended.status == 2 and ended.err.count("\n") == 1 and str(reason) in ended.err
    assert not (runs[0] / "results.json").exists()


def test_two_runs_are_compared_query_by_query(capfd, images, runs):
    assert evaluate(capfd, runs[1], f"--test_datasets={images}").status == 0
    ended = evaluate(capfd, runs[0], f"--test_datasets={images}", f"--compare_run={runs[1]}")
    assert ended.status == 0, ended.err
    entries = [json.loads((run / "results.json").read_text())["evaluations"][-1] for run in runs]
    kept = [dict(np.load(run / entry["queries"])) for run, entry in zip(runs, entries, strict=True)]
    for entry, queries in zip(entries, kept, strict=True):
        assert queries["mAP"].mean() == pytest.approx(entry["mAP"])
        low, high = entry["intervals"]["mAP"]
        assert low <= entry["mAP"] <= high
    assert entries[0]["mAP"] != entries[1]["mAP"]
    difference = 100 * (kept[0]["mAP"] - kept[1]["mAP"]).mean()
    (row,) = [line for line in ended.out.splitlines() if " mAP " in line and f"{difference:+.1f}" in line]
    assert all(f"{100 * entry['mAP']:.1f}" in row for entry in entries)
    rows = [line for line in ended.out.splitlines() if "(" in line]
    assert [sum(f" {name} " in row for row in rows) for name in SHOWN] == [1] * 4
    (compared,) = json.loads((runs[0] / "results.json").read_text())["compared"]
    assert (compared["run"], compared["queries"]) == (str(runs[1]), entries[1]["queries"])
    assert [compared[name] for name in ALIKE] == [entries[0][name] for name in ALIKE] and compared["date"]
    for name in MEASURES:
        found = compared[name]
        assert [found["this"], found["other"]] == pytest.approx([entry[name] for entry in entries])
        assert found["difference"] == pytest.approx(entries[0][name] - entries[1][name])
        assert found["interval"][0] <= found["difference"] <= found["interval"][1] and 0 < found["p_value"] <= 1


def test_a_run_compared_with_itself_does_not_differ(capfd, images, runs):
    assert evaluate(capfd, runs[0], f"--test_datasets={images}").status == 0
    ended = evaluate(capfd, runs[0], f"--test_datasets={images}", f"--compare_run={runs[0]}")
    assert ended.out.count("1.0000") == 4 and ended.out.count("+0.0 (+0.0 to +0.0)") == 4


def test_a_run_without_the_evaluation_is_refused_before_any_work(capfd, images, runs):
    ended = evaluate(capfd, runs[0], f"--test_datasets={images}", f"--compare_run={runs[1]}")
    assert ended.status == 2 and ended.err.count("\n") == 1
    assert f"{images} by matching: not evaluated there" in ended.err and "Evaluate it first" in ended.err
    assert not (runs[0] / "results.json").exists()


@pytest.mark.parametrize(
    "flag, reason",
    [
        ("--protocol=cuhk03_single_shot", "protocol is cuhk03_single_shot, there market1501"),
        ("--camera_filter=none", "camera_filter is none, there same_identity"),
        ("--shortlist=5", "by matching of short lists: not evaluated there"),
    ],
)
def test_other_rules_are_refused_before_any_work(capfd, images, runs, flag, reason):
    assert evaluate(capfd, runs[1], f"--test_datasets={images}").status == 0
    ended = evaluate(capfd, runs[0], f"--test_datasets={images}", f"--compare_run={runs[1]}", flag)
    assert_refused(ended, runs, reason)


@pytest.mark.parametrize(
    "number, reason", [(0, "identities of 1 queries differ"), (3, "images or identities of the gallery differ")]
)
def test_other_labels_are_refused_before_any_work(capfd, images, runs, tmp_path, number, reason):
    assert evaluate(capfd, runs[1], f"--test_datasets={images}").status == 0
    table = tmp_path / "label_fixes.csv"
    table.write_text(f"path,identity\nperson0/{number}.png,person1\n")
    flags = f"--test_datasets={images}", f"--compare_run={runs[1]}"
    assert_refused(evaluate(capfd, runs[0], *flags, f"--label_fixes={table}"), runs, reason)
    # Of several evaluations, the newest that compares is taken.
    for fixes in (*2 * [[f"--label_fixes={table}"]], []):
        assert evaluate(capfd, runs[1], f"--test_datasets={images}", *fixes).status == 0
    assert evaluate(capfd, runs[0], *flags, f"--label_fixes={table}").status == 0
    fixed = json.loads((runs[1] / "results.json").read_text())["evaluations"][2]
    (compared,) = json.loads((runs[0] / "results.json").read_text())["compared"]
    assert compared["queries"] == fixed["queries"] and compared["mAP"]["other"] == pytest.approx(fixed["mAP"])


def test_other_queries_are_refused_before_any_work(capfd, images, runs, tmp_path):
    assert evaluate(capfd, runs[1], f"--test_datasets={images}").status == 0
    (tmp_path / "images" / "person0" / "0.png").rename(tmp_path / "images" / "person0" / "9.png")
    ended = evaluate(capfd, runs[0], f"--test_datasets={images}", f"--compare_run={runs[1]}")
    assert_refused(ended, runs, "other queries, 6 and there 6")


def test_what_is_missing_in_the_other_run_is_named_and_the_rest_compared(capfd, images, runs, tmp_path):
    shutil.copytree(tmp_path / "images", tmp_path / "more")
    assert evaluate(capfd, runs[1], f"--test_datasets={images}").status == 0
    sets = f"--test_datasets=image_folder:{tmp_path / 'more'},{images}"
    ended = evaluate(capfd, runs[0], sets, "--scoring=pooled,matching", "--rerank", f"--compare_run={runs[1]}")
    assert ended.status == 0, ended.err
    left_out = [line for line in ended.out.splitlines() if line.startswith("not compared: ")]
    scorings = "pooled", "matching", "matching + re-ranking"
    expected = [("more", scoring) for scoring in scorings] + [("images", scorings[0]), ("images", scorings[2])]
    assert left_out == [f"not compared: {name} by {scoring}: not evaluated there" for name, scoring in expected]
    (compared,) = json.loads((runs[0] / "results.json").read_text())["compared"]
    assert (compared["dataset"], compared["scoring"]) == (images, "matching")


def test_pairs_alone_are_not_compared(capfd, images, runs, tmp_path):
    (tmp_path / "pairs.csv").write_text("query_path,gallery_path,same\nimages/person0/0.png,images/person0/1.png,1\n")
    ended = evaluate(capfd, runs[0], f"--pairs={tmp_path}/pairs.csv", f"--compare_run={runs[1]}")
    assert ended.status == 2 and "--test_datasets" in ended.err


def test_a_run_is_compared_with_what_it_was_before(capfd, images, runs):
    assert evaluate(capfd, runs[0], f"--test_datasets={images}").status == 0
    other = f"--model={runs[1]}/model.keras"
    ended = evaluate(capfd, runs[0], f"--test_datasets={images}", f"--compare_run={runs[0]}", other)
    before, now = json.loads((runs[0] / "results.json").read_text())["evaluations"]
    assert before["mAP"] != now["mAP"]
    (row,) = [line for line in ended.out.splitlines() if " mAP " in line and "(" in line]
    assert f"{100 * (now['mAP'] - before['mAP']):+.1f} (" in row


def test_damaged_queries_are_named(capfd, images, runs):
    assert evaluate(capfd, runs[1], f"--test_datasets={images}").status == 0
    (file,) = (runs[1] / "queries").iterdir()
    for content in (b"no npz", file.read_bytes()[:400]):
        file.write_bytes(content)
        assert_refused(evaluate(capfd, runs[0], f"--test_datasets={images}", f"--compare_run={runs[1]}"), runs, file)
