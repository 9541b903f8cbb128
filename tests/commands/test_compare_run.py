"""evaluate.py --compare_run: two runs, the same queries."""

import json

import numpy as np
import pytest
from PIL import Image

from qaconv_tf.model import build_model
from tests.commands.running import run_command


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


def test_a_run_compared_with_itself_does_not_differ(capfd, images, runs):
    assert evaluate(capfd, runs[0], f"--test_datasets={images}").status == 0
    ended = evaluate(capfd, runs[0], f"--test_datasets={images}", f"--compare_run={runs[0]}")
    assert ended.out.count("1.0000") == 3 and ended.out.count("+0.0 (+0.0 to +0.0)") == 3


def test_a_run_without_the_evaluation_is_refused_before_any_work(capfd, images, runs):
    ended = evaluate(capfd, runs[0], f"--test_datasets={images}", f"--compare_run={runs[1]}")
    assert ended.status == 2 and ended.err.count("\n") == 1
    assert "Expected a run that was evaluated on" in ended.err and "Evaluate it first" in ended.err
    assert not (runs[0] / "results.json").exists()


def test_other_queries_are_refused(capfd, images, runs, tmp_path):
    assert evaluate(capfd, runs[1], f"--test_datasets={images}").status == 0
    (tmp_path / "images" / "person0" / "0.png").rename(tmp_path / "images" / "person0" / "9.png")
    ended = evaluate(capfd, runs[0], f"--test_datasets={images}", f"--compare_run={runs[1]}")
    assert ended.status == 2 and "Expected the same queries" in ended.err
    assert len(json.loads((runs[0] / "results.json").read_text())["evaluations"]) == 1  # nothing is lost by it


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
    file.write_bytes(b"no npz")
    ended = evaluate(capfd, runs[0], f"--test_datasets={images}", f"--compare_run={runs[1]}")
    assert ended.status == 2 and str(file) in ended.err
