"""Matches of pairs of images with ground truth -> how many are right, as a table and for results.json."""

import itertools

import numpy as np
from rich.console import Console
from rich.table import Table

from qaconv_tf.commands.evaluation import short_name
from qaconv_tf.evaluation.correspondence_score import (
    MEASURES,
    RATES,
    sample_pairs,
    score_correspondences,
    truth_of_locations,
)
from qaconv_tf.explain.matches import match_pairs
from qaconv_tf.people.truth_files import find_truth_root, read_truth

MOST_PAIRS = 1000


def check_truth(dataset):
    """Checks, before any work, that matches of a data set can be scored.

    Args:
        dataset: `ReidDataset`.

    Raises:
        UserError: if it has no ground truth, or no pairs.
    """
    sample_pairs(dataset.query, dataset.gallery, 1)
    _read(dataset.query[0].path)


def add_score(scores, matcher, seed, dataset, maps, _):
    """Adds to a dict, by data set's name, how right the matches of up to `MOST_PAIRS` pairs are, in both directions.

    Args:
        scores: dict of data set's name to `CorrespondenceScore`.
        matcher: a built `QAConv`.
        seed: int. Of the sample of pairs.
        dataset: `ReidDataset`.
        maps: array or memory map `(num_query + num_gallery, height, width, channels)`, queries first.
        _: results, of which nothing is needed.
    """
    pairs = sample_pairs(dataset.query, dataset.gallery, MOST_PAIRS, seed)
    query_maps, gallery_maps = np.split(maps, [len(dataset.query)])
    best = match_pairs(matcher, query_maps, gallery_maps, pairs).best
    query = [dataset.query[row].path for row, _ in pairs]
    gallery = [dataset.gallery[column].path for _, column in pairs]
    truth = {path: truth_of_locations(*_read(path), maps.shape[1:3]) for path in {*query, *gallery}}
    of_query, of_gallery = ([truth[path] for path in paths] for paths in (query, gallery))
    # As the score of a pair does: each location of either image matches one of the other.
    directed = np.concatenate([best[:, 0], best[:, 1]])
    scores[dataset.name] = score_correspondences(directed, of_query + of_gallery, of_gallery + of_query)


def _read(path):
    return read_truth(find_truth_root(path), path)


def to_results(name, score, seed):
    """Returns the entry of results.json for the correspondences of a data set."""
    facts = {"dataset": name, "protocol": "correspondences", "scoring": "matching"}
    return facts | {"most_pairs": MOST_PAIRS, "seed": seed, "viewpoints": score.to_rows()}


def print_scores(scores):
    """Prints how often what matched is right, in per cent.

    Args:
        scores: dict of data set's name to `CorrespondenceScore`.
    """
    for name, score in scores.items():
        table = Table(title=f"{short_name(name)}: matches on the right part or place of the body, per cent")
        for column in ("degrees turned", "pairs", "locations", "right is", *RATES):
            table.add_column(column.replace("_", " "), justify="left" if column == "right is" else "right")
        for row, measure in itertools.product(score.to_rows(), MEASURES):
            shown = (f"{100 * row[measure][rate]:.1f}" for rate in RATES)
            heads = row["viewpoint_change"], f"{row['pairs']:,}", f"{row['locations']:,}"
            # What both measures have in common is told once.
            heads = heads if measure == MEASURES[0] else [""] * len(heads)
            table.add_row(*heads, measure.replace("_", " "), *shown)
        Console().print(table)
