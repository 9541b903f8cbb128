"""`make demo`: generates people, trains by two losses and compares them, by the commands that anyone would type."""

import dataclasses
import os
import pathlib
import sys

from rich.table import Table

from qaconv_tf.commands import stages
from qaconv_tf.commands.program import require_flag
from qaconv_tf.commands.run_folder import RunFolder

REAL = "tests/data/pets2009"
# Minutes on two cores with AMX; training takes longer without (an earlier demo: 1.8 times, without AVX-512).
BUDGET = {"set-up": 1.1, "people": 3.1, "training": 9.2, "evaluation, reports": 0.9}
SCORINGS = ["matching", "pooled"]
UNSEEN = ("--network=station", "--train_identities=0", "--test_identities=60")
BRANCH = ("--initial_model={root}/warm_start/model.keras", "--epochs=7", "--decay_epochs=4")
MEMORY = ("--loss=class_memory", "--score_scale=4", "--score_offset=-14", "--learning_rate=0.005")
# Each run's flags beside those of the recipe, in the order in which they are trained.
RUNS = {
    "untrained": ("--epochs=0", "--noexport"),
    "warm_start": ("--epochs=8", "--decay_epochs=", "--noexport"),
    "triplet": BRANCH,
    "class_memory": (*BRANCH, *MEMORY),
}


def campus(seed):
    """Flags of `generate` for a network to train on: 50 people and six cameras of its own."""
    return "--network=campus", "--train_identities=50", "--test_identities=1", f"--seed={seed}"


# Many small networks, since places and cameras that differ teach more than people do.
NETWORKS = [campus(seed) for seed in range(12)]


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
    root = require_flag("output_dir")
    took = dict.fromkeys(BUDGET, 0.0) | {"set-up": _setup_seconds()}
    _print_minutes("Budget in minutes", BUDGET)
    training, unseen, took["people"] = generate_networks(root, NETWORKS)
    common = ("--flagfile=recipes/demo.flags", f"--dataset={training}")
    for name, more in RUNS.items():
        took["training"] += stages.train(os.path.join(root, name), *common, *(word.format(root=root) for word in more))
    real = f"market1501:{REAL}"
    for name in dict.fromkeys(row.run for row in ROWS):
        took["evaluation, reports"] += stages.evaluate(os.path.join(root, name), [unseen, real], SCORINGS)
    _print_table(root, unseen, real)
    _print_minutes("Minutes", {name: seconds / 60 for name, seconds in took.items()})
    stages.CONSOLE.print(f"Look at {root}/class_memory/report.html")


def generate_networks(root, networks):
    """Draws networks to train on and the unseen one; returns the flag values of both, and the seconds it took."""
    folders = [os.path.join(root, f"campus_{seed}") for seed in range(len(networks))]
    station = os.path.join(root, "station")
    seconds = sum(
        stages.run("generate", *flags, f"--output_dir={folder}")
        for folder, flags in zip((*folders, station), (*networks, UNSEEN), strict=True)
    )
    return ",".join(f"market1501:{folder}" for folder in folders), f"market1501:{station}", seconds


def _setup_seconds():
    """What making this environment took, which `make` has written there."""
    path = os.path.join(sys.prefix, "ready")
    return float(pathlib.Path(path).read_text() or 0) if os.path.exists(path) else 0.0


def _print_minutes(title, minutes):
    parts = ", ".join(f"{name} {value:.1f}" for name, value in minutes.items())
    stages.CONSOLE.print(f"\n{title}: {parts}; in all {sum(minutes.values()):.1f}", soft_wrap=True)


def _print_table(root, unseen, real):
    steps = RunFolder(os.path.join(root, "warm_start")).read_results()["training"][-1]["last_step"]
    note = f"* both from the same {steps} steps of hard triplet. All on one backbone; per cent, step AP."
    table = Table(title="Evaluated on people and cameras never seen in training", caption=note)
    for column in ("", "unseen\nrank-1", "unseen\nmAP", "real\nrank-1", "real\nmAP"):
        table.add_column(column, justify="right" if column else "left")
    for row in ROWS:
        evaluations = RunFolder(os.path.join(root, row.run)).read_results()["evaluations"]
        found = {(result["dataset"], result["scoring"]): result for result in evaluations}
        results = [found[dataset, row.scoring] for dataset in (unseen, real)]
        table.add_row(row.text, *(f"{100 * result[key]:.1f}" for result in results for key in ("rank1", "mAP")))
    stages.CONSOLE.print(table)
