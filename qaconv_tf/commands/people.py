"""`make people`: the stronger recipe, in about an hour on two cores, by the commands that anyone would type."""

import os

from qaconv_tf.commands import stages
from qaconv_tf.commands.demo import BRANCH, MEMORY, REAL, SCORINGS, campus, generate_networks
from qaconv_tf.commands.program import require_flag

NETWORKS = [campus(seed) for seed in range(32)]
# As the demo's, with more steps; the recipe has the rest.
RUNS = {
    "warm_start": ("--epochs=14", "--decay_epochs=", "--noexport"),
    "class_memory": (*BRANCH, *MEMORY),
}


def main():
    """Runs the recipe in --output_dir; what is finished there already is kept, what was interrupted goes on."""
    root = require_flag("output_dir")
    training, unseen, _ = generate_networks(root, NETWORKS)
    common = ("--flagfile=recipes/people.flags", f"--dataset={training}")
    for name, more in RUNS.items():
        run = os.path.join(root, name)
        stages.train(run, *common, *(word.format(root=root) for word in more))
    stages.evaluate(run, [unseen, f"market1501:{REAL}"], SCORINGS)
    stages.CONSOLE.print(f"Look at {run}/report.html")
