"""`qaconv-check_dataset`: the data set doctor says what is wrong with data sets on disk, and what mends it."""

import contextlib
import os
import sys

from rich.console import Console

from qaconv_tf.commands.findings import print_dataset, print_finding, print_summary, write_script
from qaconv_tf.commands.places import locate_dataset
from qaconv_tf.commands.program import FLAGS, require_flag
from qaconv_tf.commands.progress import progress_bar
from qaconv_tf.datasets.audit import audit_dataset
from qaconv_tf.datasets.registry import find_reader
from qaconv_tf.errors import UserError


def main():
    """Checks the data sets that the flags name; ends with status 1 if a finding spoils results."""
    places = {text: locate_dataset(text, FLAGS.data_dir) for text in require_flag("dataset").split(",")}
    # What is wrong with one is said before the work on another begins.
    readers = {text: find_reader(name, path, options)[1] for text, (name, options, path) in places.items()}
    if FLAGS.mend_script and os.path.exists(FLAGS.mend_script):
        raise UserError(
            f"Expected a file that does not exist yet. Received: --mend_script={FLAGS.mend_script}. Choose another name"
        )
    console = Console(highlight=False)
    found = []
    for text, place in places.items():
        dataset, findings = _audit(text, *place, console)
        print_dataset(console, text, readers[text], dataset)
        if not FLAGS.read_images:
            console.print("images not read: damaged ones and copies are not found")
        for finding in findings:
            print_finding(console, finding)
        found += [(text, finding) for finding in findings]
    if FLAGS.mend_script:
        write_script(FLAGS.mend_script, found)
    print_summary(console, [finding for _, finding in found])
    if any(finding.severity == "error" for _, finding in found):
        sys.exit(1)


def _audit(text, name, options, path, console):
    with progress_bar(console) if FLAGS.read_images else contextlib.nullcontext() as bar:
        tasks = {}

        def show(stage, done, total):
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total, note="")
            bar.update(tasks[stage], completed=done)

        return audit_dataset(
            name, path, options, text,
            read_images=FLAGS.read_images,
            processes=FLAGS.processes,
            identities_per_batch=FLAGS.identities_per_batch,
            instances_per_identity=FLAGS.instances_per_identity,
            progress=show,
        )  # fmt: skip
