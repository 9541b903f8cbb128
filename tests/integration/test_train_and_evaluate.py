"""train.py and evaluate.py from flags to run folder, and the promise that a resumed run is the same run."""

import json

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from qaconv_tf.folder_lock import folder_lock
from qaconv_tf.matching.score_matrix import chosen_engine
from qaconv_tf.model import load_model
from qaconv_tf.people import generate_people
from tests.commands.running import run_command

FLAGS = ("--image_height=64", "--image_width=32", "--identities_per_batch=4", "--loss=class_memory", "--decay_epochs=1")


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    generate_people(folder, train_identities=8, test_identities=4, images_per_camera=1, processes=1)
    return folder


def train(capfd, people, run, *arguments):
    ended = run_command(capfd, "train", f"--dataset=market1501:{people}", f"--run_dir={run}", *FLAGS, *arguments)
    assert ended.status == 0, ended.err
    return ended


def weights(run):
    return [variable.numpy() for variable in load_model(run / "model.keras").variables]


@pytest.mark.slow
def test_a_run_leaves_what_it_promises_and_a_resumed_run_is_the_same_run(capfd, tmp_path, people):
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    ended = train(capfd, people, whole, "--epochs=2", f"--test_datasets=market1501:{people}", "--evaluate_every=1")
    assert "rank-1" in ended.out and "epoch 2, step 4" in ended.out
    names = {path.name for path in whole.iterdir()}
    promised = {"flags.txt", "checkpoints", "tensorboard", "model.keras", "saved_model", "results.json", "report.html"}
    assert names == promised | {"queries"}
    assert (whole / "saved_model" / "1" / "saved_model.pb").exists()
    events = EventAccumulator(str(whole / "tensorboard"), size_guidance={"tensors": 0}).Reload()
    looked_at = events.Tensors(f"correspondences/market1501:{people}/right pair 1")
    assert [event.step for event in looked_at] == [2, 4, 4]  # after each epoch, and at the end
    assert "--loss=class_memory" in (whole / "flags.txt").read_text().splitlines()

    train(capfd, people, halved, "--epochs=1", "--nocalibrate")  # which is of no consequence to what follows
    train(capfd, people, halved, "--epochs=2", "--resume")
    for one, other in zip(weights(whole), weights(halved), strict=True):
        np.testing.assert_array_equal(one, other)

    results = json.loads((whole / "results.json").read_text())
    assert [session["last_step"] for session in results["training"]] == [4]
    engine = chosen_engine()
    assert [(session["engine"], session["kernel"]) for session in results["training"]] == [(engine.name, engine.kernel)]
    assert f"matching: engine {engine}\n" in ended.out
    sessions = json.loads((halved / "results.json").read_text())["training"]
    assert [(session["first_step"], session["last_step"]) for session in sessions] == [(0, 2), (2, 4)]

    before = {path: path.read_bytes() for path in halved.rglob("*") if path.is_file()}
    ended = train(capfd, people, halved, "--epochs=2", "--resume")
    assert "nothing left to train" in ended.out
    assert {path: path.read_bytes() for path in halved.rglob("*") if path.is_file()} == before
    ended = run_command(capfd, "train", f"--flagfile={halved / 'flags.txt'}", "--epochs=1", "--resume")
    assert ended.status == 2 and "after step 4" in ended.err
    with folder_lock(halved):
        ended = run_command(capfd, "train", f"--flagfile={halved / 'flags.txt'}", "--resume")
    assert ended.status == 2 and "another process is at work" in ended.err and ended.err.count("\n") == 1
    # As if it had been stopped while it exported: what comes last is missing.
    results_file = halved / "results.json"
    results_file.write_text(json.dumps(json.loads(results_file.read_text()) | {"training": sessions[:1]}))
    train(capfd, people, halved, "--epochs=2", "--resume")
    sessions = json.loads(results_file.read_text())["training"]
    assert [(session["first_step"], session["last_step"]) for session in sessions] == [(0, 2), (4, 4)]
    for one, other in zip(weights(whole), weights(halved), strict=True):
        np.testing.assert_array_equal(one, other)
    ended = run_command(
        capfd, "evaluate", f"--run_dir={whole}", f"--test_datasets=market1501:{people}", "--scoring=matching,pooled"
    )
    assert ended.status == 0, ended.err
    added = json.loads((whole / "results.json").read_text())
    assert added["evaluations"][: len(results["evaluations"])] == results["evaluations"]
    again, pooled = added["evaluations"][-2:]
    assert (again["scoring"], pooled["scoring"]) == ("matching", "pooled")
    # The loaded model finds what the trained one found.
    assert again["mAP"] == results["evaluations"][0]["mAP"] and again["rank1"] == results["evaluations"][0]["rank1"]


@pytest.mark.slow
def test_flags_txt_repeats_the_run(capfd, tmp_path, people):
    first, second = tmp_path / "first", tmp_path / "second"
    train(capfd, people, first, "--epochs=1", "--mixed_bfloat16")
    ended = run_command(capfd, "train", f"--flagfile={first / 'flags.txt'}", f"--run_dir={second}")
    assert ended.status == 0, ended.err
    for one, other in zip(weights(first), weights(second), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_the_memory_is_filled_before_the_first_step(capfd, tmp_path, people):
    filled = train(capfd, people, tmp_path / "filled", "--epochs=1", "--noexport")
    empty = train(capfd, people, tmp_path / "empty", "--epochs=1", "--noexport", "--nofill_memory")
    # Two steps of four people each: of eight, the last four are written with the second step's end.
    assert "memory_fill 1.000" in filled.out and "memory_fill 1.000" in empty.out
    assert "memory_age 0.500" in empty.out and "memory_age 0.500" in filled.out
    assert filled.out.split("loss ")[1][:5] != empty.out.split("loss ")[1][:5]


@pytest.mark.slow
def test_class_vectors_start_at_an_image_of_each_class(capfd, tmp_path, people):
    losses = []
    for fill in ("fill", "nofill"):
        ended = train(capfd, people, tmp_path / fill, "--loss=pooled_softmax", "--epochs=1", f"--{fill}_memory")
        losses.append(float(ended.out.split("loss ")[1][:5]))
    assert losses[0] < losses[1] - 0.05


@pytest.mark.slow
def test_a_first_offset_moves_the_scores_of_an_initial_model_only_when_given(capfd, tmp_path, people):
    first = tmp_path / "first"
    train(capfd, people, first, "--epochs=0", "--noexport", "--score_offset=-3")
    second = tmp_path / "second"
    train(capfd, people, second, "--epochs=0", "--noexport", f"--initial_model={first / 'model.keras'}")
    for run in (first, second):
        assert float(load_model(run / "model.keras").matcher.score_normalization.offset) == -3.0
