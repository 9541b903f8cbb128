"""The progress bar of every command."""

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def progress_bar(console=None):
    """Returns a `rich` progress bar with an estimate of what is left, for any long work.

    Args:
        console: `rich.console.Console` to draw on. Defaults to `None`, the terminal.

    Example:
        >>> from qaconv_tf.commands.progress import progress_bar
        >>> with progress_bar() as progress:
        ...     task = progress.add_task("training", total=1, note="")
        ...     progress.advance(task)
        training ...
    """
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"), console=console,
    )
