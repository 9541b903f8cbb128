"""What an evaluation will take of memory, files and time, said before it takes them; and what it took."""

import resource
import sys
import tempfile
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from qaconv_tf.commands.evaluation import short_name
from qaconv_tf.evaluation.resources import available_memory
from qaconv_tf.matching.score_matrix import score_matrix

# The matching's trial; the images are one block of XLA's, so that it compiles nothing that the evaluation does not.
_TRIAL = 64, 256
# The batch after which the extraction's time is predicted: the first compiles, and some more are read ahead.
_BATCHES = 4
# Pairs a second, rounded down from measurements: the rest is little beside extraction and matching.
_RANKED, _RERANKED, _LIFTED = 5e7, 4e7, 1.5e7


def check_resources(model, evaluators, scorings, reranking, lifting):
    """Prints what memory and temporary files each evaluation takes.

    Args:
        model: `MatchingModel`.
        evaluators: list of `Evaluator`, in their order.
        scorings: `"matching"`, `"pooled"` or both.
        reranking: bool. Whether what was matched is re-ranked.
        lifting: bool. Whether it is lifted.

    Raises:
        UserError: if one of them does not fit.
    """
    held = 0, 0
    for evaluator in evaluators:
        plan = evaluator.plan(model.backbone, scorings, reranking, lifting, held)
        name = short_name(evaluator.dataset.name)
        parts = ", ".join(f"{part} {_gigabytes(size)}" for part, size in plan.memory.items())
        stored = f", {' and '.join(plan.in_files)} among them" if plan.in_files else ""
        print(
            f"{name}: memory {_gigabytes(sum(plan.memory.values()))} of {_gigabytes(available_memory() - held[0])} GB "
            f"({parts}); temporary files {_gigabytes(plan.files)} GB in {tempfile.gettempdir()}{stored}",
            flush=True,
        )
        if reranking:
            more = evaluator.reranking_pairs(model.matcher)
            times = more / evaluator.num_pairs
            print(
                f"re-ranking of {name}: {more:,} more pairs to match, {times:.1f} times those of query and gallery",
                flush=True,
            )
        held = tuple(map(sum, zip(held, evaluator.held_bytes(plan, scorings, reranking, lifting), strict=True)))


class TimePrediction:
    """Predicts the time of evaluations: that of the matching by a short trial, of the extraction by its first batches.

    Args:
        model: as in `check_resources`; so are the others.
        evaluators: see `model`.
        scorings: see `model`.
        reranking: see `model`.
        lifting: see `model`.
    """

    def __init__(self, model, evaluators, scorings, reranking, lifting):
        self._images = sum(evaluator.num_images for evaluator in evaluators)
        self._started = None
        self._parts = []
        pairs = sum(evaluator.num_pairs for evaluator in evaluators)
        self._rest = pairs * len(scorings) / _RANKED
        if reranking:
            self._rest += sum(evaluator.num_images**2 for evaluator in evaluators) / _RERANKED + pairs / _RANKED
        if lifting:
            self._rest += (1 + reranking) * pairs * (1 / _LIFTED + 1 / _RANKED)
        if "matching" in scorings and evaluators:
            more = sum(evaluator.reranking_pairs(model.matcher) for evaluator in evaluators) if reranking else 0
            more += sum(evaluator.choosing_pairs for evaluator in evaluators)
            rate = _trial(model.matcher, evaluators[0])
            # How long short lists will be is not known yet.
            name = "matching at most" if evaluators[0].shortlist else "matching"
            self._parts.append((name, (pairs + more) / rate, f"{rate:,.0f} pairs/s"))

    def after(self, stage, done, total):
        """Returns the prediction as a line, once enough batches have been extracted, otherwise None.

        Args:
            stage: str, as an `Evaluator` tells its progress.
            done: int.
            total: int.
        """
        if stage != "extraction" or self._images is None:
            return None
        if self._started is None:
            self._started = time.perf_counter(), done
        started, first = self._started
        if done < min(_BATCHES * first, total):
            return None
        images, self._images = self._images, None
        parts = list(self._parts)
        if done > first:  # of a single batch nothing is left to predict
            rate = (done - first) / (time.perf_counter() - started)
            parts.insert(0, ("extraction", images / rate, f"{rate:,.0f} images/s"))
        in_all = sum(seconds for _, seconds, _ in parts) + self._rest
        text = "".join(f"{name} {_duration(seconds)} at {speed}, " for name, seconds, speed in parts)
        return f"predicted: {_duration(in_all)} in all: {text}the rest {_duration(self._rest)}"


def _trial(matcher, evaluator):
    """Returns how many pairs a second the evaluator's engine matches."""
    num_query, num_gallery = map(min, _TRIAL, (len(evaluator.dataset.query), len(evaluator.dataset.gallery)))
    shape = num_query + num_gallery, *matcher.feature_shape
    maps = np.random.default_rng(0).standard_normal(shape, np.float32)
    how = {"precision": evaluator.engine.precision, "threads": evaluator.threads}
    for _ in range(2):  # the first call compiles
        started = time.perf_counter()
        score_matrix(matcher, maps[:num_query], maps[num_query:], evaluator.engine.name, **how)
    return num_query * num_gallery / (time.perf_counter() - started)


def print_costs(sections):
    """Prints the seconds of each stage and what it did in one, and the most memory that the process has held.

    Args:
        sections: as `evaluate_model` returns.
    """
    table = Table(title="What it took")
    for column in ("data set", "of", "stage", "seconds", "a second"):
        table.add_column(column, justify="right" if "second" in column else "left")
    shown = set()
    for result in (section.result for section in sections):
        for stage, amount in result.amounts.items():
            seconds = result.seconds[stage]
            # A stage that led to several results is told once.
            if (result.dataset, stage, seconds) not in shown:
                shown.add((result.dataset, stage, seconds))
                unit = "images" if stage == "extraction" else "pairs"
                of = "" if stage == "extraction" else result.scoring
                rate = f"{amount / seconds:,.0f} {unit}"
                table.add_row(short_name(result.dataset), of, stage.replace("_", " "), f"{seconds:.1f}", rate)
    Console().print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(f"most memory held: {_gigabytes(peak)} GB, TensorFlow and mapped files included")


def _gigabytes(size):
    return f"{size / 1e9:.2f}"


def _duration(seconds):
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
