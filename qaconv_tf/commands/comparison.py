"""What a run folder keeps of each query, and how two runs compare on the same ones."""

import os
import uuid

import numpy as np
from rich.console import Console
from rich.table import Table

from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.intervals import paired_difference, per_query

_COMPARED = ("rank1", "mAP", "mINP")


def save_queries(folder, section):
    """Writes what was measured of each query of an evaluation.

    Args:
        folder: `RunFolder`.
        section: `ReportSection`.

    Returns:
        The file's place in the run folder, for results.json.
    """
    os.makedirs(folder.queries, exist_ok=True)
    # A name of its own, for two evaluations may write at once.
    name = f"{uuid.uuid4().hex[:12]}.npz"
    with open(os.path.join(folder.queries, name), "xb") as file:
        np.savez_compressed(
            file,
            paths=np.array([os.fspath(record.path) for record in section.query]),
            identities=np.array([str(record.identity) for record in section.query]),
            **per_query(section.result.ranking),
        )
    return os.path.join(os.path.basename(folder.queries), name)


def check_run(folder, datasets):
    """Checks, before any work, that a run has something to be compared with.

    Args:
        folder: `RunFolder` of the other run.
        datasets: list of str, as `--test_datasets`.

    Returns:
        The run's evaluations as they are now, for it may be the run that is being evaluated.

    Raises:
        UserError: if the folder is missing, or has kept no queries of one of the data sets.
    """
    evaluations = [one for one in folder.read_results()["evaluations"] if "queries" in one]
    kept = {one["dataset"] for one in evaluations}
    for dataset in datasets:
        if dataset not in kept:
            received = f"--compare_run={folder.path} with {', '.join(sorted(kept)) or 'no such evaluation'}"
            raise UserError(
                f"Expected a run that was evaluated on {dataset}. Received: {received}. Evaluate it first, by "
                f"evaluate.py --run_dir={folder.path} --test_datasets={dataset}"
            )
    return evaluations


def print_comparison(sections, folder, evaluations):
    """Prints a table of differences between these results and the newest of the same kind of another run.

    Args:
        sections: list of `ReportSection`.
        folder: `RunFolder` of the other run.
        evaluations: what `check_run` returned.

    Raises:
        UserError: if the other run has no results of the kind, or of other queries.
    """
    table = Table(title=f"Compared with {folder.path}. Per cent; 95 % interval and permutation test over identities")
    for column in ("data set", "scoring", "", "this", "other", "difference", "p"):
        table.add_column(column, justify="left" if column in ("data set", "scoring", "") else "right")
    for section in sections:
        result = section.result
        other = _newest(folder, evaluations, result)
        values = per_query(result.ranking)
        order = _order(section, other, folder)
        identities = [str(record.identity) for record in section.query]
        for name in _COMPARED:
            found = paired_difference(values[name], other[name][order], identities)
            interval = f"{100 * found.difference:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
            means = (f"{100 * mean:.1f}" for mean in (found.first, found.second))
            dataset = os.path.basename(result.dataset.rstrip("/"))
            table.add_row(dataset, result.scoring, name, *means, interval, f"{found.p_value:.4f}")
    Console().print(table)


def _newest(folder, evaluations, result):
    kept = [one for one in evaluations if (one["dataset"], one["scoring"]) == (result.dataset, result.scoring)]
    if not kept:
        raise UserError(
            f"Expected a run evaluated on {result.dataset} by {result.scoring}. Received: --compare_run={folder.path} "
            "without. Evaluate it with the same flags first"
        )
    path = os.path.join(folder.path, kept[-1]["queries"])
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"Expected an npz file of queries. Received: {path} ({error}). Evaluate that run again"
        ) from None


def _order(section, other, folder):
    """Where in the other run's arrays each query is."""
    places = {path: place for place, path in enumerate(other["paths"].tolist())}
    paths = [os.fspath(record.path) for record in section.query]
    if set(paths) != places.keys():
        raise UserError(
            f"Expected the same queries. Received: {len(paths)} of {section.result.dataset}, and {len(places)} in "
            f"--compare_run={folder.path}, not the same paths. Evaluate that run on the same data set again"
        )
    return [places[path] for path in paths]
