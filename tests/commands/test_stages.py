import contextlib
import pathlib
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
    pathlib.Path(folder.model).write_bytes(b"")


def test_what_is_finished_is_kept_and_what_was_interrupted_is_resumed(tmp_path, capfd, commands):
    finish(tmp_path / "finished")
    finish(tmp_path / "without a model")
    (tmp_path / "without a model" / "model.keras").unlink()
    RunFolder(str(tmp_path / "begun")).start("")
    runs = ("finished", "begun", "without a model", "new")
    assert [stages.train(str(tmp_path / run), "--epochs=1") for run in runs] == [0.0, 2.5, 2.5, 2.5]
    assert commands == [
        ("train", f"--run_dir={tmp_path}/begun", "--epochs=1", "--resume"),
        ("train", f"--run_dir={tmp_path}/without a model", "--epochs=1", "--resume"),
        ("train", f"--run_dir={tmp_path}/new", "--epochs=1"),
    ]
    assert f"kept: {tmp_path}/finished, trained until 20" in capfd.readouterr().out


def test_a_run_is_evaluated_once(tmp_path, commands):
    finish(tmp_path / "fresh")
    finish(tmp_path / "done", [{"dataset": "a", "scoring": "matching"}])
    finish(tmp_path / "on other sets", [{"dataset": "b", "scoring": "matching"}])
    runs = ("done", "fresh", "on other sets")
    assert [stages.evaluate(str(tmp_path / run), ["a"], ["matching"]) for run in runs] == [0.0, 2.5, 2.5]
    assert commands == [
        ("evaluate", f"--run_dir={tmp_path}/{run}", "--test_datasets=a", "--scoring=matching") for run in runs[1:]
    ]


class Process(contextlib.nullcontext):
    """A process that has ended, after an interrupt or without."""

    def __init__(self, status=0, interrupted=False):
        super().__init__(self)
        self.status, self.interrupted, self.waited = status, interrupted, 0

    def wait(self):
        self.waited += 1
        if self.interrupted and self.waited == 1:
            raise KeyboardInterrupt
        return self.status


@pytest.mark.parametrize(
    ("command", "typed"),
    [("train", "python train.py"), ("evaluate", "python evaluate.py"), ("generate", "qaconv-generate")],
)
def test_a_command_is_shown_as_typed_and_timed(capfd, monkeypatch, command, typed):
    executed, clock = [], iter([100.0, 172.5])
    monkeypatch.setattr(stages, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(stages.subprocess, "Popen", lambda words: executed.append(words) or Process())
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


@pytest.mark.parametrize(
    "sent, told", [(signal.SIGKILL, "SIGKILL, perhaps for want of memory"), (signal.SIGSEGV, "SIGSEGV")]
)
def test_a_command_that_is_killed_is_one_line(capfd, monkeypatch, sent, told):
    monkeypatch.setattr(stages.subprocess, "Popen", lambda words: Process(-sent))
    with pytest.raises(SystemExit) as ended:
        stages.run("train", "--run_dir=a")
    assert ended.value.code == 128 + sent
    assert capfd.readouterr().err == f"error: python train.py was ended by {told}\n"


def test_an_interrupted_command_may_clean_up(monkeypatch):
    process = Process(interrupted=True)
    monkeypatch.setattr(stages.subprocess, "Popen", lambda words: process)
    with pytest.raises(KeyboardInterrupt):
        stages.run("generate")
    assert process.waited == 2
