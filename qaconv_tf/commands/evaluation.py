"""What train and evaluate share: data sets by flag, evaluations with progress, and what is written of them."""

import dataclasses
import os

from rich.console import Console
from rich.table import Table

from qaconv_tf.commands.comparison import save_queries
from qaconv_tf.commands.places import locate_dataset
from qaconv_tf.commands.program import FLAGS
from qaconv_tf.commands.progress import progress_bar
from qaconv_tf.commands.run_folder import origin
from qaconv_tf.datasets import combine_training_parts, load_dataset, require_split
from qaconv_tf.datasets.label_fixes import apply_label_fixes
from qaconv_tf.evaluation.evaluator import Evaluator
from qaconv_tf.explain.matches import match_pairs
from qaconv_tf.explain.references import choose_references
from qaconv_tf.explain.report import ReportSection, write_report
from qaconv_tf.explain.shown import LARGEST_REPORT, ReportLimits, pairs_of, shown_queries


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


def open_evaluators(texts, data_dir, batch_size, label_fixes=(), **options):
    """Returns the `Evaluator`s of data sets named by a flag; each data set's name becomes the text that named it.

    Args:
        texts: list of str, as `--test_datasets`.
        data_dir: str, as `--data_dir`.
        batch_size: int. Images extracted at once.
        label_fixes: list of `LabelFix`, applied to the data sets. Defaults to none.
        **options: of `Evaluator`: `engine`, `precision`, `threads`, `extraction_precision`, `shortlist`.
    """
    datasets = [dataclasses.replace(open_dataset(text, data_dir), name=text) for text in texts]
    datasets = apply_label_fixes(datasets, label_fixes)
    rules = {name: FLAGS[name].value for name in ("protocol", "camera_filter", "seed")}
    return [Evaluator(dataset, batch_size=batch_size, **options, **rules) for dataset in datasets]


def evaluate_model(
    model, evaluators, scorings=("matching",), reranking=None, lifting=None, prediction=None, kept_maps=None,
    explained=True, on_evaluated=None,
):  # fmt: skip
    """Evaluates a model on several data sets, showing progress.

    Args:
        model: `MatchingModel`.
        evaluators: list of `Evaluator`.
        scorings: `"matching"`, `"pooled"` or both.
        reranking: as `Evaluator.evaluate_each` takes it.
        lifting: the same.
        prediction: callable or None. Given all progress, as `Evaluator` tells it, returns a line to print, or None.
            Defaults to `None`.
        kept_maps: `KeptMaps` or None. Where feature maps are taken from, or kept. Defaults to `None`.
        explained: bool. Whether to find why the pairs matched that a report shows. Defaults to `True`.
        on_evaluated: callable or None. Called with the data set, its feature maps (queries first) and results, of each
            data set. Defaults to `None`.

    Returns:
        A list of `ReportSection`: results with their query and gallery records, and why the pairs matched that a
        report shows.
    """
    sections = []
    with progress_bar() as progress:
        for evaluator in evaluators:
            shown = _shown(progress, evaluator, prediction or (lambda *_: None))
            how = scorings, shown, reranking, lifting
            results, maps = _evaluate(model, evaluator, kept_maps, how)
            if on_evaluated:
                on_evaluated(evaluator.dataset, maps, results)
            # While the maps are there: a report has no need of them.
            matches = _matches(model.matcher, evaluator.dataset, maps, results, len(evaluators)) if explained else None
            query, gallery = evaluator.dataset.query, evaluator.dataset.gallery
            sections += [ReportSection(result, query, gallery, matches) for result in results]
    return sections


def _evaluate(model, evaluator, kept_maps, how):
    """Returns the results, and the feature maps that they were made of."""
    dataset = evaluator.dataset
    maps = kept_maps.load(dataset) if kept_maps else None
    if maps is not None:
        return evaluator.evaluate_maps(model.matcher, maps, *how), maps
    found = []
    results = evaluator.evaluate_each(model, *how, on_maps=found.append)
    if kept_maps:
        kept_maps.save(dataset, found[0])
    return results, found[0]


def _matches(matcher, dataset, maps, results, num_datasets):
    """Why the pairs matched that a report shows, if they were matched."""
    if not any(result.scoring.startswith("matching") for result in results):
        return None
    height, width = maps.shape[1:3]
    shown = shown_queries(results, dataset.query, dataset.gallery, _limits(), height * width, num_datasets)
    num_query = len(dataset.query)
    query_maps, gallery_maps = maps[:num_query], maps[num_query:]
    references = choose_references(dataset.query, dataset.gallery, gallery_maps)
    return match_pairs(matcher, query_maps, gallery_maps, pairs_of(shown), references)


def _limits():
    return ReportLimits(FLAGS.report_queries, FLAGS.report_answers)


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
    """Writes results as report.html and adds them to results.json.

    Args:
        folder: `RunFolder`.
        sections: as `evaluate_model` returns.
        run: mapping for the report: what made the results.
        training: dict or None. As `RunFolder.add_results` takes it.
        more: dicts. Further evaluations for results.json, which the report does not show.
    """
    evaluations = [section.result.to_results() | {"queries": save_queries(folder, section)} for section in sections]
    evaluations += more
    facts = {name: run[name] for name in ("model", "label_fixes") if name in run}
    # The results last: by them a run counts as finished.
    if sections:
        write_report(folder.report, f"qaconv_tf: {short_name(folder.path)}", sections, run | origin(), _limits())
    folder.add_results(training, [evaluation | facts for evaluation in evaluations])
    print(f"results: {folder.results}" + (f"   report: {folder.report}" if sections else ""))
    size = os.path.getsize(folder.report) if sections else 0
    if size > LARGEST_REPORT:
        print(
            f"warning: the report takes {size / 1e6:.1f} MB, more than {LARGEST_REPORT / 1e6:g}. Show fewer by "
            "--report_queries or --report_answers"
        )


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
