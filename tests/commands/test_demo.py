import numpy as np
import pytest

from qaconv_tf.commands import demo
from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.errors import UserError


def evaluated(dataset, scoring, rank1, average):
    return {"dataset": dataset, "scoring": scoring, "rank1": rank1, "mAP": average}


def finish(path, evaluations=(), last_step=1):
    folder = RunFolder(str(path))
    folder.start("")
    folder.add_results({"last_step": last_step}, evaluations)


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
