import signal
import sys
from types import SimpleNamespace

import pytest

from qaconv_tf.commands import stages
from qaconv_tf.commands.run_folder import RunFolder


@pytest.fixture
def commands(monkeypatch):
    """What would have been run."""
    run = []
    monkeypatch.setattr(stages, "run", lambda *words: run.append(words) or 2.5)
    return run


def finish(path, evaluations=()):
    folder = RunFolder(str(path))
    folder.start("")
    folder.add_results({"last_step": 1}, evaluations)


def test_what_is_finished_is_kept_and_what_was_interrupted_is_resumed(tmp_path, commands):
    finish(tmp_path / "finished")
    RunFolder(str(tmp_path / "begun")).start("")
    seconds = [stages.train(str(tmp_path / run), "--epochs=1") for run in ("finished", "begun", "new")]
    assert seconds == [0.0, 2.5, 2.5]
    assert commands == [
        ("train", f"--run_dir={tmp_path}/begun", "--epochs=1", "--resume"),
        ("train", f"--run_dir={tmp_path}/new", "--epochs=1"),
    ]


def test_a_run_is_evaluated_once(tmp_path, commands):
    finish(tmp_path / "fresh")
    finish(tmp_path / "done", [{"dataset": "a", "scoring": "matching"}])
    finish(tmp_path / "on other sets", [{"dataset": "b", "scoring": "matching"}])
    finish(tmp_path / "without report", [{"dataset": "a", "scoring": "matching"}])
    for run in ("done", "on other sets"):
        (tmp_path / run / "report.html").write_text("")
    runs = ("done", "fresh", "on other sets", "without report")
    assert [stages.evaluate(str(tmp_path / run), ["a"], ["matching"]) for run in runs] == [0.0, 2.5, 2.5, 2.5]
    assert commands == [
        ("evaluate", f"--run_dir={tmp_path}/{run}", "--test_datasets=a", "--scoring=matching") for run in runs[1:]
    ]


@pytest.mark.parametrize(
    ("command", "typed"),
    [("train", "python train.py"), ("evaluate", "python evaluate.py"), ("generate", "qaconv-generate")],
)
def test_a_command_is_shown_as_typed_and_timed(capfd, monkeypatch, command, typed):
    executed, clock = [], iter([100.0, 172.5])
    monkeypatch.setattr(stages, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(
        stages.subprocess, "run", lambda words, check: executed.append(words) or SimpleNamespace(returncode=0)
    )
    assert stages.run(command, "--output_dir=a b", "--seed=3") == 72.5
    ((python, _, code, *arguments),) = executed
    assert (python, arguments) == (sys.executable, ["--output_dir=a b", "--seed=3"])
    assert code.endswith(f"run_program('{command}')")
    printed = capfd.readouterr().out.split("\n")
    assert f"$ {typed} '--output_dir=a b' --seed=3" in printed and "72 seconds" in printed


def test_a_command_that_fails_ends_the_rest_by_its_own_status(capfd):
    with pytest.raises(SystemExit) as ended:
        stages.run("generate", "--network=nowhere", "--output_dir=never")
    assert ended.value.code == 2
    assert "qaconv-generate --network=nowhere" in capfd.readouterr().out


def test_a_command_that_is_killed_is_one_line(capfd, monkeypatch):
    monkeypatch.setattr(stages.subprocess, "run", lambda words, check: SimpleNamespace(returncode=-signal.SIGKILL))
    with pytest.raises(SystemExit) as ended:
        stages.run("train", "--run_dir=a")
    assert ended.value.code == 128 + signal.SIGKILL
    told = capfd.readouterr().err
    assert told.startswith("error: python train.py was killed (SIGKILL)") and told.count("\n") == 1
