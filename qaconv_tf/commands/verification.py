"""Pairs of images and a model -> how well it tells same from different, as a table and for results.json."""

import functools

import numpy as np
from rich.console import Console
from rich.table import Table

from qaconv_tf.commands.progress import progress_bar
from qaconv_tf.evaluation.extraction import extract_feature_maps
from qaconv_tf.evaluation.verification import evaluate_verification
from qaconv_tf.matching.score_matrix import score_matrix

# Pairs matched at a time, as all of so many queries and gallery images: few are as many in vain.
_PAIRS = 8


def evaluate_pairs(model, pairs, batch_size, extraction_precision="fp32", **how):
    """Scores pairs of images by matching, showing progress.

    Args:
        model: `MatchingModel`.
        pairs: `ImagePairs`.
        batch_size: int. Images extracted at once.
        extraction_precision: as `extract_feature_maps` takes it. Defaults to `"fp32"`.
        **how: options of `score_matrix`: `engine`, `precision`, `threads`.

    Returns:
        A `VerificationResult`.
    """
    with progress_bar() as progress:
        extraction = progress.add_task("extraction of pairs", total=len(pairs.images), note="")
        shown = functools.partial(_show, progress, extraction)
        maps = extract_feature_maps(model, pairs.images, batch_size, shown, extraction_precision)
        matching = progress.add_task("matching of pairs", total=len(pairs.same), note="")
        scores = pair_scores(model.matcher, maps, pairs, functools.partial(_show, progress, matching), **how)
    return evaluate_verification(scores, pairs.same, pairs.folds)


def pair_scores(matcher, maps, pairs, progress, **how):
    """Returns the score of each pair, `(num_pairs,)`: the diagonals of small score matrices, of one shape."""
    scores = np.empty(len(pairs.same), np.float32)
    for first in range(0, len(scores), _PAIRS):
        block = slice(first, first + _PAIRS)
        matrix = score_matrix(matcher, maps[pairs.query[block]], maps[pairs.gallery[block]], **how)
        scores[block] = matrix.diagonal()
        progress(min(first + _PAIRS, len(scores)), len(scores))
    return scores


def to_results(path, result):
    """Returns the entry of results.json for the pairs of a file."""
    return {"dataset": f"pairs:{path}", "protocol": "lfw_pairs", "scoring": "matching"} | result.to_results()


def print_result(path, result):
    """Prints how well the pairs of a file were told, in per cent."""
    table = Table(title=f"{path}: {result.num_same} pairs of one identity, {result.num_different} of two; per cent")
    fars = (0.1, 0.01, 0.001)
    for column in ("accuracy", "folds", "equal error rate", *(f"TAR at FAR {100 * far:g} %" for far in fars)):
        table.add_column(column, justify="right")
    accuracy = f"{100 * result.accuracy:.1f} +- {100 * result.accuracy_deviation:.1f}"
    rates = [result.tar_at_far(far) for far in fars]
    shown = ["too few pairs" if np.isnan(rate) else f"{100 * rate:.1f}" for rate in rates]
    table.add_row(accuracy, str(len(result.fold_accuracy)), f"{100 * result.equal_error_rate:.1f}", *shown)
    Console().print(table)


def _show(progress, task, done, _):
    progress.update(task, completed=done)
