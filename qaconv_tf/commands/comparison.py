"""What a run folder keeps of each query, and how two runs compare on the same ones."""

import hashlib
import os
import uuid
import zipfile

import numpy as np
from rich.console import Console
from rich.table import Table

from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.intervals import paired_difference, per_query

# Measure -> its name in the table, as the evaluation's own table has it.
_COMPARED = {"rank1": "rank-1", "mAP": "mAP", "mAP_trapezoid": "mAP'", "mINP": "mINP"}
# By other rules the same ranking has other numbers.
_RULES = ("protocol", "camera_filter")


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
            identities=np.array(_identities(section.query)),
            gallery=np.array(_digest(section.gallery)),
            **per_query(section.result.ranking),
        )
    return os.path.join(os.path.basename(folder.queries), name)


def check_run(folder, evaluators, scorings):
    """Checks, before any work, that a run has something to be compared with.

    Args:
        folder: `RunFolder` of the other run.
        evaluators: list of `Evaluator`.
        scorings: `"matching"`, `"pooled"` or both.

    Returns:
        The run's evaluations as they are now, for it may be the run that is being evaluated.

    Raises:
        UserError: if the run has no evaluation of the same data set, scoring, rules, images and labels as any of those
            to be made.
    """
    evaluations = [one for one in folder.read_results()["evaluations"] if "queries" in one]
    reasons = []
    for evaluator in evaluators:
        dataset = evaluator.dataset
        for scoring in scorings:
            # What is re-ranked or lifted is kept only beside the matching that it was made of, so these suffice.
            listed = scoring == "matching" and evaluator.shortlist is not None
            facts = {"dataset": dataset.name, "scoring": "matching of short lists" if listed else scoring}
            rules = {name: evaluator.rules[name] for name in _RULES}
            entry, _, reason = _other(folder, evaluations, facts | rules, dataset.query, dataset.gallery)
            if entry:
                return evaluations
            reasons.append(f"{facts['dataset']} by {facts['scoring']}: {reason}")
    raise UserError(
        "Expected a run evaluated on the same data set by the same scoring, rules, images and labels. Received: "
        f"--compare_run={folder.path} ({'; '.join(reasons)}). Evaluate it first, by evaluate.py "
        f"--run_dir={folder.path} with the same --test_datasets, --scoring, --protocol, --camera_filter, --label_fixes"
    )


def compare(sections, folder, evaluations):
    """Prints a table of differences between these results and the newest comparable ones of another run.

    What has nothing there to be compared with is named below the table.

    Args:
        sections: list of `ReportSection`.
        folder: `RunFolder` of the other run.
        evaluations: what `check_run` returned.

    Returns:
        A list of dicts for results.json, one for each section that was compared.
    """
    table = Table(title=f"Compared with {folder.path}. Per cent; 95 % interval and permutation test over identities")
    for column in ("data set", "scoring", "", "this", "other", "difference", "p"):
        table.add_column(column, justify="left" if column in ("data set", "scoring", "") else "right")
    compared, left_out = [], []
    for section in sections:
        facts = section.result.to_results()
        entry, kept, reason = _other(folder, evaluations, facts, section.query, section.gallery)
        dataset = os.path.basename(facts["dataset"].rstrip("/"))
        if not entry:
            left_out.append(f"not compared: {dataset} by {facts['scoring']}: {reason}")
            continue
        found = _differences(section, kept)
        for name, one in found.items():
            interval = f"{100 * one.difference:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})"
            means = (f"{100 * mean:.1f}" for mean in (one.first, one.second))
            table.add_row(dataset, facts["scoring"], _COMPARED[name], *means, interval, f"{one.p_value:.4f}")
        same = {name: facts[name] for name in ("dataset", "scoring", *_RULES)}
        compared.append(same | {"run": folder.path, "queries": entry["queries"]} | _to_results(found))
    Console().print(table)
    for line in left_out:
        print(line)
    return compared


def _other(folder, evaluations, facts, query, gallery):
    """The newest evaluation that compares with these facts, and what it kept of its queries; else None and why not."""
    reasons = []
    for entry in reversed(evaluations):
        if (entry["dataset"], entry["scoring"]) == (facts["dataset"], facts["scoring"]):
            path = os.path.join(folder.path, entry["queries"])
            try:
                with np.load(path, allow_pickle=False) as file:
                    kept = dict(file)
                reason = _difference(entry, kept, facts, query, gallery)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
                reason = f"{path} is no file of queries of this version ({error})"
            if not reason:
                return entry, kept, ""
            reasons.append(reason)
    return None, None, reasons[0] if reasons else "not evaluated there"


def _difference(entry, kept, facts, query, gallery):
    """What makes an evaluation of the same data set and scoring another one; nothing if it compares."""
    for name in _RULES:
        if entry[name] != facts[name]:
            return f"{name} is {facts[name]}, there {entry[name]}"
    if {os.fspath(record.path) for record in query} != set(kept["paths"].tolist()):
        return f"other queries, {len(query)} and there {len(kept['paths'])}"
    changed = sum(kept["identities"][_order(query, kept)] != np.array(_identities(query)))
    if changed:
        return f"identities of {changed} queries differ, as label fixes make them"
    if kept["gallery"] != _digest(gallery):
        return "images or identities of the gallery differ, as label fixes make them"
    return ""


def _order(query, kept):
    """Where in the other run's arrays each query is."""
    places = {path: place for place, path in enumerate(kept["paths"].tolist())}
    return [places[os.fspath(record.path)] for record in query]


def _identities(records):
    # As text: image folders name people, other sets number them.
    return [str(record.identity) for record in records]


def _digest(records):
    """A hash of which images there are, and of whom."""
    lines = sorted(f"{os.fspath(record.path)}\0{record.identity}\n" for record in records)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _differences(section, kept):
    values, order = per_query(section.result.ranking), _order(section.query, kept)
    identities = _identities(section.query)
    return {name: paired_difference(values[name], kept[name][order], identities) for name in _COMPARED}


def _to_results(found):
    return {
        name: {
            "this": one.first, "other": one.second, "difference": one.difference, "interval": [one.low, one.high],
            "p_value": one.p_value,
        }
        for name, one in found.items()
    }  # fmt: skip
