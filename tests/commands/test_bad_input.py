"""Whatever a user gets wrong: one clear line, exit status 2, nothing overwritten."""

import importlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from qaconv_tf.commands import program
from tests.commands.running import run_command
from tests.matching.matchers import needs_native_engine

SMALL = ("--image_height=32", "--image_width=32", "--weights=none", "--identities_per_batch=2", "--epochs=1")


@pytest.fixture
def market(tmp_path):
    """Three training people and one query with its answer, random pixels."""
    root, rng = tmp_path / "market", np.random.default_rng(0)
    for folder in ("bounding_box_train", "query", "bounding_box_test"):
        (root / folder).mkdir(parents=True)
    names = [f"bounding_box_train/000{i}_c{c}s1_000{i}{c}0_01.jpg" for i in (1, 2, 3) for c in (1, 2)]
    for name in (*names, "query/0004_c1s1_000410_01.jpg", "bounding_box_test/0004_c2s1_000420_01.jpg"):
        Image.fromarray(rng.integers(0, 256, (32, 16, 3), np.uint8)).save(root / name)
    return root


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fails(capfd, command, *arguments):
    """Returns the one line that the command ended with."""
    ended = run_command(capfd, command, *arguments)
    lines = ended.err.strip().splitlines()
    assert ended.status == 2, ended
    assert len(lines) == 1 and lines[0].startswith("error: "), ended.err
    return lines[0]


def test_the_process_ends_with_status_two():
    code = "from qaconv_tf.commands.program import run_program; run_program('train')"
    ended = subprocess.run([sys.executable, "-c", code, "--losss=triplet"], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: Unknown command line flag 'losss'. Did you mean: loss ?")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--loss=softmax"], "value should be one of <triplet|class_memory|pairwise|"),
        (["--epochs=many"], "--epochs=many"),
        (["--seed=-1"], "--seed=-1"),
        (["--scoring=matching"], "Expected flags of train"),
        (["run_dir"], "Received: 'run_dir'"),
        (["--flagfile=no_such_file.flags"], "no_such_file.flags"),
        ([], "Expected --run_dir="),
    ],
)
def test_flags_of_train(capfd, arguments, told):
    assert told in fails(capfd, "train", *arguments)


def test_data_sets_that_are_not_there(capfd, tmp_path):
    run_dir = f"--run_dir={tmp_path / 'run'}"
    assert "does not exist" in fails(capfd, "train", f"--dataset=market1501:{tmp_path}/none", run_dir)
    unknown = fails(capfd, "train", f"--dataset=marketplace:{tmp_path}", run_dir)
    assert "market1501" in unknown and "image_folder, csv_table" in unknown
    assert "--data_dir" in fails(capfd, "train", "--dataset=market1501", run_dir)
    assert not (tmp_path / "run").exists()


def test_a_list_of_words_where_numbers_belong(capfd, tmp_path, market):
    arguments = (f"--dataset=market1501:{market}", f"--run_dir={tmp_path / 'run'}", *SMALL)
    assert "--levels=16,x" in fails(capfd, "train", *arguments, "--levels=16,x")
    assert not (tmp_path / "run").exists()


def test_an_empty_split(capfd, tmp_path, market):
    shutil.rmtree(market / "bounding_box_train")
    told = fails(capfd, "train", f"--dataset=market1501:{market}", f"--run_dir={tmp_path / 'run'}")
    assert "train" in told and "market1501" in told
    shutil.rmtree(market / "query")
    assert "query" in fails(capfd, "evaluate", f"--test_datasets=market1501:{market}")
    assert not (tmp_path / "run").exists()


def test_a_csv_without_its_columns(capfd, tmp_path):
    table = tmp_path / "people.csv"
    table.write_text("file,person\na.jpg,1\n")
    told = fails(capfd, "train", f"--dataset=csv_table:{table}", f"--run_dir={tmp_path / 'run'}")
    assert "people.csv" in told and "path" in told and "file" in told


@pytest.mark.parametrize("content", [b"not an image at all", None])
def test_an_image_that_cannot_be_read(capfd, tmp_path, market, content):
    broken = market / "bounding_box_train" / "0002_c1s1_000210_01.jpg"
    broken.write_bytes(broken.read_bytes()[:300] if content is None else content)
    arguments = (f"--dataset=market1501:{market}", *SMALL)
    told = fails(capfd, "train", *arguments, f"--run_dir={tmp_path / 'first'}")
    assert broken.name in told
    # Without the principal components, which read images themselves, the training batches come upon it.
    told = fails(capfd, "train", *arguments, f"--run_dir={tmp_path / 'second'}", "--neck_init=random")
    assert broken.name in told
    assert not (tmp_path / "second" / "model.keras").exists()


def test_an_unreadable_query(capfd, market):
    (market / "query" / "0004_c1s1_000410_01.jpg").write_bytes(b"GIF89a")
    assert "0004_c1s1_000410_01.jpg" in fails(capfd, "evaluate", f"--test_datasets=market1501:{market}")


def test_a_run_folder_that_exists_is_left_alone(capfd, tmp_path, market):
    run = tmp_path / "run"
    run.mkdir()
    (run / "thesis.txt").write_text("ten years of work")
    before = snapshot(tmp_path)
    told = fails(capfd, "train", f"--dataset=market1501:{market}", f"--run_dir={run}", *SMALL)
    assert "--resume" in told
    told = fails(capfd, "train", f"--dataset=market1501:{market}", f"--run_dir={run}", "--resume", *SMALL)
    assert "flags.txt" in told
    assert snapshot(tmp_path) == before


def test_models_that_are_none(capfd, tmp_path, market):
    sets = f"--test_datasets=market1501:{market}"
    (tmp_path / "model.keras").write_text("no zip file")
    assert "model.keras" in fails(capfd, "evaluate", sets, f"--model={tmp_path / 'model.keras'}")
    assert "no file" in fails(capfd, "evaluate", sets, f"--model={tmp_path / 'none.keras'}")
    assert "model.keras" in fails(capfd, "evaluate", sets, f"--run_dir={market}")
    assert "'cosine'" in fails(capfd, "evaluate", sets, "--scoring=cosine")
    train = ("train", f"--dataset=market1501:{market}", f"--run_dir={tmp_path / 'run'}", "--identities_per_batch=2")
    assert "none.pth" in fails(capfd, *train, "--weights=none.pth")
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_of_other_shape(capfd, tmp_path, market):
    arguments = (f"--dataset=market1501:{market}", f"--run_dir={tmp_path / 'run'}", "--loss=class_memory", *SMALL)
    assert run_command(capfd, "train", *arguments).status == 0
    assert "--neck_channels=96" in fails(capfd, "train", *arguments, "--resume", "--neck_channels=8")
    for camera in (1, 2):  # a fourth person: the class memory no longer fits
        name = market / "bounding_box_train" / f"0009_c{camera}s1_0009{camera}0_01.jpg"
        shutil.copy(market / "query" / "0004_c1s1_000410_01.jpg", name)
    before = snapshot(tmp_path / "run")
    told = fails(capfd, "train", *arguments, "--resume", "--epochs=2")
    assert "Expected a checkpoint of this model, class count and optimizer" in told
    assert snapshot(tmp_path / "run") == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--identities_per_batch=1"], "2 or more images of 2 or more identities"),
        (["--instances_per_identity=1", "--loss=pairwise"], "2 or more images of 2 or more identities"),
        (["--frozen_stride=32", "--neck_channels=0"], "something to train"),
        (["--decay_epochs=5,2"], "each later than the last"),
        (["--decay_epochs=0"], "each later than the last"),
        (["--loss=class_memory", "--nearest_classes=3"], "--nearest_classes of at least the 4 images of a batch"),
        (["--score_scale=nan"], "Expected a finite number. Received: --score_scale=nan"),
        (["--evaluate_every=1"], "--test_datasets="),
        (["--levels=64"], "64"),
        (["--neck_channels=5000"], "5000"),
        (["--seed=99999999999999"], "--seed"),
    ],
)
def test_settings_that_cannot_train(capfd, tmp_path, market, arguments, told):
    common = (f"--dataset=market1501:{market}", f"--run_dir={tmp_path / 'run'}", *SMALL)
    assert told in fails(capfd, "train", *common, *arguments)
    assert not (tmp_path / "run").exists()


@needs_native_engine
def test_the_native_engine_is_not_for_steps_that_xla_compiles(capfd, tmp_path, market):
    given = (f"--dataset=market1501:{market}", f"--run_dir={tmp_path / 'run'}", *SMALL, "--jit_backbone")
    assert "Expected --engine=xla or auto with --jit_backbone" in fails(capfd, "train", *given, "--engine=native")
    assert not (tmp_path / "run").exists()
    ended = run_command(capfd, "train", *given, "--loss=class_memory")
    assert ended.status == 0 and "engine xla, precision fp32 (steps with --jit_backbone)" in ended.out


def test_places_that_cannot_be_written_are_found_before_the_work(capfd, tmp_path, market):
    (tmp_path / "file").write_text("not a folder")
    inside = tmp_path / "file" / "run"
    told = fails(capfd, "train", f"--dataset=market1501:{market}", f"--run_dir={inside}", *SMALL)
    assert str(tmp_path / "file") in told
    sets = f"--test_datasets=market1501:{market}"
    ended = run_command(capfd, "evaluate", sets, f"--output_dir={inside}")
    assert ended.status == 2 and "model:" not in ended.out
    for content in ("{broken", "[]"):
        (tmp_path / "results.json").write_text(content)
        assert "results.json" in fails(capfd, "evaluate", sets, f"--output_dir={tmp_path}")
        assert (tmp_path / "results.json").read_text() == content


def test_scoring_by_nothing(capfd, market):
    assert "--scoring=" in fails(capfd, "evaluate", f"--test_datasets=market1501:{market}", "--scoring=")


def test_an_interrupted_program_says_how_to_go_on(capfd, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("qaconv_tf.commands.program._run_main", interrupted)
    ended = run_command(capfd, "train", "--run_dir=anywhere")
    assert ended.status == 130 and "--resume" in ended.err and ended.err.count("\n") == 1
    ended = run_command(capfd, "generate", "--output_dir=anywhere")
    assert ended.err == "error: interrupted (run it again to go on)\n"
    assert run_command(capfd, "check_dataset").err == "error: interrupted\n"


def test_an_error_of_the_program_keeps_its_traceback_whether_or_not_tensorflow_runs():
    def fails():
        return {}["absent"]

    importlib.import_module("tensorflow")
    with pytest.raises(KeyError, match="absent"):
        program._guarded("train", fails)
