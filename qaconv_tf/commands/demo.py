"""`make demo`: generates people, trains three ways and compares them, by the commands that anyone would type."""

import dataclasses
import os
import shlex
import subprocess
import sys
import time

from rich.console import Console
from rich.table import Table

from qaconv_tf.commands.program import require_flag
from qaconv_tf.commands.run_folder import RunFolder

_REAL = "tests/data/pets2009"
_CONSOLE = Console(highlight=False)


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the closing table: a run, how its maps were scored, and what it is."""

    run: str
    scoring: str
    text: str


ROWS = (
    Row("untrained", "pooled", "(a) pooled cosine, untrained"),
    Row("untrained", "matching", "(b) matching, untrained"),
    Row("class_memory", "matching", "(c) QAConv, class memory *"),
    Row("triplet", "matching", "(d) QAConv, hard triplet *"),
)


def main():
    """Runs the demo in --output_dir; what is finished there already is kept."""
    started = time.perf_counter()
    root = require_flag("output_dir")
    campus, station = os.path.join(root, "campus"), os.path.join(root, "station")
    _run("generate", "--network=campus", "--train_identities=400", "--test_identities=1", f"--output_dir={campus}")
    _run("generate", "--network=station", "--train_identities=0", "--test_identities=60", f"--output_dir={station}")
    tests = f"--test_datasets=market1501:{station},market1501:{_REAL}"
    start = os.path.join(root, "warm_start", "model.keras")
    _train(root, "untrained", campus, "--epochs=0", "--noexport")
    _train(root, "warm_start", campus, "--epochs=12", "--decay_epochs=", "--noexport")
    branch = (f"--initial_model={start}", "--learning_rate=0.002", "--epochs=6", "--decay_epochs=4")
    _train(root, "triplet", campus, *branch)
    _train(root, "class_memory", campus, *branch, "--loss=class_memory", "--score_scale=4", "--score_offset=-14")
    for run in ("untrained", "triplet", "class_memory"):
        _evaluate(root, run, tests)
    _print_table(root, f"market1501:{station}", f"market1501:{_REAL}")
    _CONSOLE.print(f"{(time.perf_counter() - started) / 60:.1f} minutes. Look at {root}/class_memory/report.html")


def _train(root, run, campus, *arguments):
    folder = RunFolder(os.path.join(root, run))
    if os.path.exists(folder.results):
        return
    resume = ("--resume",) if os.path.exists(folder.path) else ()
    common = ("--flagfile=recipes/demo.flags", f"--dataset=market1501:{campus}", f"--run_dir={folder.path}")
    _run("train", *common, *arguments, *resume)


def _evaluate(root, run, tests):
    folder = RunFolder(os.path.join(root, run))
    if not folder.read_results()["evaluations"]:
        _run("evaluate", f"--run_dir={folder.path}", tests, "--scoring=matching,pooled")


def _run(command, *arguments):
    """Runs a command in a process of its own, having shown what a user would type."""
    shown = f"python {command}.py" if command in ("train", "evaluate") else f"qaconv-{command}"
    _CONSOLE.print(f"\n$ {shown} {shlex.join(arguments)}", style="bold", markup=False, soft_wrap=True)
    code = f"from qaconv_tf.commands.program import run_program; run_program({command!r})"
    started = time.perf_counter()
    ended = subprocess.run([sys.executable, "-c", code, *arguments], check=False)
    if ended.returncode:
        sys.exit(ended.returncode)
    _CONSOLE.print(f"{time.perf_counter() - started:.0f} seconds", style="dim")


def _print_table(root, unseen, real):
    note = "* both from the same 300 steps of hard triplet. All on one backbone; per cent, step AP."
    table = Table(title="Evaluated on people and cameras never seen in training", caption=note)
    for column in ("", "unseen\nrank-1", "unseen\nmAP", "real\nrank-1", "real\nmAP"):
        table.add_column(column, justify="right" if column else "left")
    for row in ROWS:
        evaluations = RunFolder(os.path.join(root, row.run)).read_results()["evaluations"]
        found = {(result["dataset"], result["scoring"]): result for result in evaluations}
        results = [found[dataset, row.scoring] for dataset in (unseen, real)]
        table.add_row(row.text, *(f"{100 * result[key]:.1f}" for result in results for key in ("rank1", "mAP")))
    _CONSOLE.print(table)
