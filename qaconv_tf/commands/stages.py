"""Commands run one after another, each in a process of its own, as anyone would type them; what is done is kept."""

import itertools
import os
import shlex
import signal
import subprocess
import sys
import time

from rich.console import Console

from qaconv_tf.commands.run_folder import RunFolder

CONSOLE = Console(highlight=False)


def run(command, *arguments):
    """Runs a command, having shown what a user would type; ends this process as that one ended, if it failed.

    Args:
        command: str. Its name, such as `"train"`.
        *arguments: strs. Its flags.

    Returns:
        The seconds that it took.

    Raises:
        SystemExit: by its status, 128 and the signal's number if it was killed.
    """
    shown = f"python {command}.py" if command in ("train", "evaluate") else f"qaconv-{command}"
    CONSOLE.print(f"\n$ {shown} {shlex.join(arguments)}", style="bold", markup=False, soft_wrap=True)
    code = f"from qaconv_tf.commands.program import run_program; run_program({command!r})"
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", code, *arguments]) as process:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            process.wait()  # it was interrupted too, and cleans up
            raise
    if status < 0:
        why = ", perhaps for want of memory" if -status == signal.SIGKILL else ""
        print(f"error: {shown} was ended by {signal.Signals(-status).name}{why}", file=sys.stderr)
        sys.exit(128 - status)
    if status:
        sys.exit(status)
    seconds = time.perf_counter() - started
    CONSOLE.print(f"{seconds:.0f} seconds", style="dim")
    return seconds


def train(path, *arguments):
    """Trains a run, or finishes one that was interrupted; does nothing where it is finished.

    Args:
        path: str. The run's folder.
        *arguments: strs. Other flags of `train`.

    Returns:
        The seconds that it took, 0.0 of a finished one.
    """
    folder = RunFolder(path)
    sessions = folder.read_results()["training"]
    if sessions and os.path.exists(folder.model):
        # Its flags are not compared, so that a newer recipe's reader at least sees how old it is.
        kept = f"kept: {folder.path}, trained until {sessions[-1]['date']}"
        CONSOLE.print(kept, style="dim", markup=False, soft_wrap=True)
        return 0.0
    resume = ("--resume",) if os.path.exists(folder.path) else ()
    return run("train", f"--run_dir={folder.path}", *arguments, *resume)


def evaluate(path, datasets, scorings):
    """Evaluates a run, if it has not been yet on all of these.

    Args:
        path: str. The run's folder.
        datasets: list of str. As `--test_datasets` takes them.
        scorings: list of str. As `--scoring` takes them.

    Returns:
        The seconds that it took, 0.0 if there was nothing to do.
    """
    folder = RunFolder(path)
    found = {(one["dataset"], one["scoring"]) for one in folder.read_results()["evaluations"]}
    if found.issuperset(itertools.product(datasets, scorings)):
        return 0.0
    flags = f"--test_datasets={','.join(datasets)}", f"--scoring={','.join(scorings)}"
    return run("evaluate", f"--run_dir={folder.path}", *flags)
