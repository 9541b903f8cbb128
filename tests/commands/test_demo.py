import numpy as np
import pytest

from qaconv_tf.commands import demo
from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.errors import UserError


def evaluated(dataset, scoring, rank1, average):
    return {"dataset": dataset, "scoring": scoring, "rank1": rank1, "mAP": average}


@pytest.fixture
def commands(monkeypatch):
    """What the demo would have run."""
    run = []
    monkeypatch.setattr(demo, "_run", lambda *words: run.append(words))
    return run


def finish(path, evaluations=()):
    folder = RunFolder(str(path))
    folder.start("")
    folder.add_results({"last_step": 1}, evaluations)


def test_what_is_finished_is_kept_and_what_was_interrupted_is_resumed(tmp_path, commands):
    finish(tmp_path / "finished")
    RunFolder(str(tmp_path / "begun")).start("")
    for run in ("finished", "begun", "new"):
        demo._train(str(tmp_path), run, "campus", "--epochs=1")
    assert [("--resume" in words, f"--run_dir={tmp_path}/begun" in words) for words in commands] == [
        (True, True), (False, False),
    ]


def test_a_run_is_evaluated_once(tmp_path, commands):
    finish(tmp_path / "fresh")
    finish(tmp_path / "done", [evaluated("a", "matching", 0.5, 0.5)])
    for run in ("fresh", "done"):
        demo._evaluate(str(tmp_path), run, "--test_datasets=a")
    assert [words[1] for words in commands] == [f"--run_dir={tmp_path}/fresh"]


def test_the_table_has_each_run_by_its_own_scoring(tmp_path, capfd):
    rng = np.random.default_rng(0)
    expected = {}
    for run in {row.run for row in demo.ROWS}:
        pairs = [(name, scoring) for name in ("unseen", "real") for scoring in ("matching", "pooled")]
        rows = [(*pair, *rng.uniform(size=2)) for pair in pairs]
        expected |= {(run, *row[:2]): row[2:] for row in rows}
        finish(tmp_path / run, [evaluated(*row) for row in rows])
    demo._print_table(str(tmp_path), "unseen", "real")
    lines = capfd.readouterr().out.splitlines()
    for row in demo.ROWS:
        (line,) = [line for line in lines if row.text[:3] in line]
        numbers = [float(cell) for cell in line.split("│")[2:6]]
        figures = [*expected[row.run, "unseen", row.scoring], *expected[row.run, "real", row.scoring]]
        np.testing.assert_allclose(numbers, [100 * figure for figure in figures], atol=0.051)


def test_results_of_another_schema_are_refused(tmp_path):
    (tmp_path / "results.json").write_text('{"schema": 99}')
    with pytest.raises(UserError, match="schema 1"):
        RunFolder(str(tmp_path)).read_results()
