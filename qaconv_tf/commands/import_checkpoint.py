"""`qaconv-import_checkpoint`: a PyTorch checkpoint as a model.keras, with a list of what became of its tensors."""

import collections
import os

from rich import markup
from rich.console import Console
from rich.table import Table

from qaconv_tf.commands.program import FLAGS, require_flag
from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.errors import UserError
from qaconv_tf.torch_checkpoint import read_torch_checkpoint


def main():
    """Imports by the flags, and says what was found."""
    checkpoint, directory = require_flag("checkpoint"), require_flag("output_dir")
    path = RunFolder(directory).model
    if os.path.exists(path):
        raise UserError(f"Expected a folder without a model. Received: {path}, which exists. Choose another folder")
    # Their defaults are those of training; a checkpoint has its own.
    image_size = {name: FLAGS[name].value for name in ("image_height", "image_width") if FLAGS[name].present}
    model, report = read_torch_checkpoint(checkpoint, **image_size)
    _print_report(checkpoint, report)
    os.makedirs(directory, exist_ok=True)
    # Beside its place first, so that a model.keras is a whole one.
    partial = f"{path.removesuffix('.keras')}.partial.keras"
    model.save(partial)
    os.rename(partial, path)
    print(f"model: {path}")


def _print_report(checkpoint, report):
    console = Console(highlight=False, soft_wrap=True)
    settings = ", ".join(f"{name}={value}" for name, value in report.settings.items())
    console.print(f"{checkpoint}: {report.kind}, {settings}", markup=False)
    # In a file or a pipe no name is broken.
    Console(width=None if console.is_terminal else 200).print(_table(report))
    fates = collections.Counter(tensor.fate for tensor in report.weights.tensors)
    counts = ", ".join(f"{fates[fate]} {fate}" for fate in ("used", "renamed", "refused"))
    console.print(f"{fates.total()} tensors: {counts}")


def _table(report):
    """Every tensor or, by default, groups of them."""
    if FLAGS.all_tensors:
        columns = ("tensor", "shape", "fate", "where, or why not")
        rows = [(tensor.name, _text(tensor.shape), tensor.fate, tensor.detail) for tensor in report.weights.tensors]
    else:
        columns = ("tensors", "number", "fate", "where, or why not")
        rows = [(name, str(number), fate, detail) for name, number, fate, detail in report.groups()]
    table = Table(box=None)
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column == "number" else "left")
    for row in rows:
        table.add_row(*map(markup.escape, row))
    return table


def _text(shape):
    return " x ".join(map(str, shape)) or "one number"
