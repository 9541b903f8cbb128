"""Commands run one after another, each in a process of its own, as anyone would type them; what is done is kept."""

import os
import shlex
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
    """
    shown = f"python {command}.py" if command in ("train", "evaluate") else f"qaconv-{command}"
    CONSOLE.print(f"\n$ {shown} {shlex.join(arguments)}", style="bold", markup=False, soft_wrap=True)
    code = f"from qaconv_tf.commands.program import run_program; run_program({command!r})"
    started = time.perf_counter()
    ended = subprocess.run([sys.executable, "-c", code, *arguments], check=False)
    if ended.returncode:
        sys.exit(ended.returncode)
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
    if os.path.exists(folder.results):
        return 0.0
    resume = ("--resume",) if os.path.exists(folder.path) else ()
    return run("train", f"--run_dir={folder.path}", *arguments, *resume)


def evaluate(path, *arguments):
    """Evaluates a run, if it has not been yet.

    Args:
        path: str. The run's folder.
        *arguments: strs. Other flags of `evaluate`.

    Returns:
        The seconds that it took, 0.0 if there was nothing to do.
    """
    folder = RunFolder(path)
    if folder.read_results()["evaluations"]:
        return 0.0
    return run("evaluate", f"--run_dir={folder.path}", *arguments)
