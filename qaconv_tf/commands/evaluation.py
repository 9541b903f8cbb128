"""What train and evaluate share: data sets by flag, evaluations with progress, and what is written of them."""

import dataclasses
import os

from rich.console import Console
from rich.table import Table

from qaconv_tf.commands.places import locate_dataset
from qaconv_tf.commands.program import FLAGS
from qaconv_tf.commands.progress import progress_bar
from qaconv_tf.commands.run_folder import origin
from qaconv_tf.datasets import combine_training_parts, load_dataset, require_split
from qaconv_tf.evaluation.evaluator import Evaluator
from qaconv_tf.explain.report import ReportSection, write_report


def open_dataset(text, data_dir):
    """Returns the data set of `NAME[+OPTION[=VALUE]...][:PATH]`.

    Raises:
        UserError: if neither the text nor `data_dir` says where it is, or as `load_dataset`.
    """
    name, options, path = locate_dataset(text, data_dir)
    return load_dataset(name, path, **options)


def open_training_set(text, data_dir):
    """Returns the data set to train on: one as `open_dataset` takes it, or several, separated by commas, combined.

    Raises:
        UserError: if one has no training images, two have images in common, or as `open_dataset`.
    """
    datasets = [open_dataset(source, data_dir) for source in text.split(",")]
    for dataset in datasets:
        require_split(dataset, "train")
    return combine_training_parts(datasets)


def open_evaluators(texts, data_dir, batch_size, **options):
    """Returns the `Evaluator`s of data sets named by a flag; each data set's name becomes the text that named it.

    Args:
        texts: list of str, as `--test_datasets`.
        data_dir: str, as `--data_dir`.
        batch_size: int. Images extracted at once.
        **options: of `Evaluator`: `engine`, `precision`, `threads`, `extraction_precision`.
    """
    datasets = [dataclasses.replace(open_dataset(text, data_dir), name=text) for text in texts]
    rules = {name: FLAGS[name].value for name in ("protocol", "camera_filter", "seed")}
    return [Evaluator(dataset, batch_size=batch_size, **options, **rules) for dataset in datasets]


def evaluate_model(model, evaluators, scorings=("matching",), reranking=None, lifting=None, prediction=None):
    """Evaluates a model on several data sets, showing progress.

    Args:
        model: `MatchingModel`.
        evaluators: list of `Evaluator`.
        scorings: `"matching"`, `"pooled"` or both.
        reranking: as `Evaluator.evaluate_each` takes it.
        lifting: the same.
        prediction: callable or None. Given all progress, as `Evaluator` tells it, returns a line to print, or None.
            Defaults to `None`.

    Returns:
        A list of `ReportSection`: results with their query and gallery records.
    """
    sections = []
    with progress_bar() as progress:
        for evaluator in evaluators:
            shown = _shown(progress, evaluator, prediction or (lambda *_: None))
            for result in evaluator.evaluate_each(model, scorings, shown, reranking, lifting):
                sections.append(ReportSection(result, evaluator.dataset.query, evaluator.dataset.gallery))
    return sections


def _shown(progress, evaluator, prediction):
    """The evaluator's progress as bars, one a stage."""
    tasks = {}

    def show(stage, done, total):
        if stage not in tasks:
            name = short_name(evaluator.dataset.name)
            tasks[stage] = progress.add_task(f"{stage} of {name}", total=total, note="")
        progress.update(tasks[stage], completed=done)
        line = prediction(stage, done, total)
        if line:
            progress.console.print(line, highlight=False, soft_wrap=True)

    return show


def short_name(text):
    """Returns the last part of a data set's `NAME:PATH`."""
    return os.path.basename(text.rstrip("/"))


def write_results(folder, sections, run, training=None, more=()):
    """Adds results to results.json and writes them as report.html.

    Args:
        folder: `RunFolder`.
        sections: as `evaluate_model` returns.
        run: mapping for the report: what made the results.
        training: dict or None. As `RunFolder.add_results` takes it.
        more: dicts. Further evaluations for results.json, which the report does not show.
    """
    evaluations = [*(section.result.to_results() for section in sections), *more]
    folder.add_results(training, [evaluation | {"model": run["model"]} for evaluation in evaluations])
    if sections:
        write_report(folder.report, f"qaconv_tf: {short_name(folder.path)}", sections, run | origin())
    print(f"results: {folder.results}" + (f"   report: {folder.report}" if sections else ""))


def print_table(sections):
    """Prints results as a table, in per cent."""
    table = Table(title="Per cent. mAP is of step AP, mAP' of Market-1501's own trapezoid AP")
    columns = ("data set", "scoring", "rank-1", "rank-5", "rank-10", "mAP", "mAP'", "mINP")
    for column in columns:
        table.add_column(column, justify="left" if column in ("data set", "scoring") else "right")
    for result in (section.result.to_results() for section in sections):
        keys = ("rank1", "rank5", "rank10", "mAP", "mAP_trapezoid", "mINP")
        numbers = [f"{100 * result[key]:.1f}" for key in keys]
        table.add_row(short_name(result["dataset"]), result["scoring"], *numbers)
    Console().print(table)
