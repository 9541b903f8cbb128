import itertools
import pathlib

import numpy as np
import pytest
from absl.testing import flagsaver

from qaconv_tf.commands import demo, people, program
from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.errors import UserError
from tests.commands.running import run_command


def evaluated(dataset, scoring, rank1, average):
    return {"dataset": dataset, "scoring": scoring, "rank1": rank1, "mAP": average}


def finish(path, evaluations=(), last_step=1):
    folder = RunFolder(str(path))
    folder.start("")
    folder.add_results({"last_step": last_step}, evaluations)
    pathlib.Path(folder.model).write_bytes(b"")


def test_the_table_has_each_run_by_its_own_scoring(tmp_path, capfd):
    rng = np.random.default_rng(0)
    expected = {}
    for run in {row.run for row in demo.ROWS}:
        pairs = [(name, scoring) for name in ("unseen", "real") for scoring in ("matching", "pooled")]
        rows = [(*pair, *rng.uniform(size=2)) for pair in pairs]
        expected |= {(run, *row[:2]): row[2:] for row in rows}
        finish(tmp_path / run, [evaluated(*row) for row in rows])
    finish(tmp_path / "warm_start", last_step=271)
    demo._print_table(str(tmp_path), "unseen", "real")
    printed = capfd.readouterr().out
    assert "both from the same 271 steps" in printed
    lines = printed.splitlines()
    for row in demo.ROWS:
        (line,) = [line for line in lines if row.text[:3] in line]
        numbers = [float(cell) for cell in line.split("│")[2:6]]
        figures = [*expected[row.run, "unseen", row.scoring], *expected[row.run, "real", row.scoring]]
        np.testing.assert_allclose(numbers, [100 * figure for figure in figures], atol=0.051)


@pytest.fixture
def commands(monkeypatch):
    """What would have been run, each leaving what it would leave."""
    run, rng = [], np.random.default_rng(1)

    def execute(command, *arguments):
        run.append((command, arguments))
        given = dict(word.split("=", 1) for word in arguments if "=" in word)
        if command == "train":
            finish(given["--run_dir"])
        if command == "evaluate":
            pairs = itertools.product(given["--test_datasets"].split(","), given["--scoring"].split(","))
            RunFolder(given["--run_dir"]).add_results(None, [evaluated(*pair, *rng.uniform(size=2)) for pair in pairs])
        return {"generate": 30.0, "train": 90.0, "evaluate": 20.0}[command]

    monkeypatch.setattr(demo.stages, "run", execute)
    return run


def option(arguments, name):
    return next((word.split("=", 1)[1] for word in arguments if word.startswith(f"--{name}=")), None)


def check_flags(commands):
    """Parses each command's flags, which ends the test where a command does not take them."""
    for command, arguments in commands:
        with flagsaver.flagsaver():
            program._parse([f"{command}.py", *arguments], command)


def test_it_trains_in_order_and_evaluates_each_run_once(tmp_path, capfd, commands, monkeypatch):
    (tmp_path / "ready").write_text("66")
    monkeypatch.setattr(demo.sys, "prefix", str(tmp_path))
    ended = run_command(capfd, "demo", f"--output_dir={tmp_path}/demo")
    assert ended.status == 0, ended.err
    num_networks = len(demo.NETWORKS) + 1
    assert [command for command, _ in commands] == ["generate"] * num_networks + ["train"] * 4 + ["evaluate"] * 3
    people, trained, tested = (
        [one for command, one in commands if command == kind] for kind in ("generate", "train", "evaluate")
    )
    assert len({(option(one, "network"), option(one, "seed")) for one in people}) == num_networks
    *trained_on, tested_on = (f"market1501:{option(one, 'output_dir')}" for one in people)
    done = []
    for one in trained:
        start = option(one, "initial_model")
        assert start is None or start in [f"{folder}/model.keras" for folder in done]
        assert option(one, "dataset").split(",") == trained_on
        done.append(option(one, "run_dir"))
    assert {option(one, "run_dir") for one in tested} < set(done)
    assert {option(one, "test_datasets").split(",")[0] for one in tested} == {tested_on}
    generated = num_networks / 2
    minutes = f"people {generated:.1f}, training 6.0, evaluation, reports 1.0; in all {1.1 + generated + 7:.1f}"
    assert f"Minutes: set-up 1.1, {minutes}" in ended.out
    check_flags(commands)
    del commands[:]
    ended = run_command(capfd, "demo", f"--output_dir={tmp_path}/demo")
    assert [command for command, _ in commands] == ["generate"] * num_networks  # which keeps what it finds
    assert f"training 0.0, evaluation, reports 0.0; in all {1.1 + generated:.1f}" in ended.out


def test_the_hour_s_recipe_trains_twice_on_all_its_people_and_evaluates_the_last(tmp_path, capfd, commands):
    for _ in range(2):
        ended = run_command(capfd, "people", f"--output_dir={tmp_path}/people")
        assert ended.status == 0, ended.err
    check_flags(commands)
    kinds = [command for command, _ in commands]
    networks = ["generate"] * (len(people.NETWORKS) + 1)
    assert kinds == [*networks, "train", "train", "evaluate", *networks]  # the second time keeps what it finds
    *trained_on, tested_on = (
        f"market1501:{option(arguments, 'output_dir')}" for _, arguments in commands[: len(networks)]
    )
    first, second, tested = (arguments for _, arguments in commands[len(networks) : len(networks) + 3])
    assert option(first, "dataset").split(",") == option(second, "dataset").split(",") == trained_on
    assert option(second, "initial_model") == f"{option(first, 'run_dir')}/model.keras"
    assert option(tested, "run_dir") == option(second, "run_dir")
    assert option(tested, "test_datasets").split(",") == [tested_on, f"market1501:{demo.REAL}"]


def test_results_of_another_schema_are_refused(tmp_path):
    (tmp_path / "results.json").write_text('{"schema": 99}')
    with pytest.raises(UserError, match="schema 1"):
        RunFolder(str(tmp_path)).read_results()


def test_minutes_of_each_stage_and_of_all_are_printed(capfd):
    demo._print_minutes("Minutes", {"people": 1.26, "training": 5.52})
    assert "Minutes: people 1.3, training 5.5; in all 6.8" in capfd.readouterr().out


def test_seconds_of_the_set_up_are_those_that_make_wrote(tmp_path, monkeypatch):
    monkeypatch.setattr(demo.sys, "prefix", str(tmp_path))
    found = [demo._setup_seconds()]
    for text in ("", "71\n"):
        (tmp_path / "ready").write_text(text)
        found.append(demo._setup_seconds())
    assert found == [0.0, 0.0, 71.0]


def test_the_budget_is_a_quarter_of_an_hour_at_most():
    assert sum(demo.BUDGET.values()) < 15
