"""How long a short list must be: mAP lost and time taken by lists of every length, measured on a sample of queries."""

import dataclasses
import time

import numpy as np

from qaconv_tf.evaluation.ranking import evaluate_ranking, ignored_and_relevant, integer_keys
from qaconv_tf.matching.score_matrix import score_matrix
from qaconv_tf.matching.shortlist import CoarseScores, fill_listed, most_alike, order_below

SAMPLE = 200
RECALLED = 20  # first exact answers that a list should have
_SHORTEST = 10
_TIMED = 100  # images of the lists by which the exact stage is timed
_CLOSE = 0.05  # of the size: no nearer to the smallest is looked for


@dataclasses.dataclass(frozen=True)
class Shortlist:
    """What is asked of a short list: its size, or what it may lose.

    Args:
        size: int or None. Gallery images scored exactly for each query. Defaults to `None`: chosen by `loss`.
        loss: float or None. Share of mAP, 0..1, that may be lost, over a sample of queries.
        sample: int. Queries in the sample, if there are as many. Defaults to `200`.

    Raises:
        ValueError: unless exactly one of `size` and `loss` is given.
    """

    size: int | None = None
    loss: float | None = None
    sample: int = SAMPLE

    def __post_init__(self):
        if (self.size is None) == (self.loss is None):
            raise ValueError(f"Expected either a size or a loss. Received: size={self.size}, loss={self.loss}")


@dataclasses.dataclass(frozen=True)
class CurvePoint:
    """What lists of one size cost and lose.

    Args:
        size: int. Gallery images scored exactly for each query.
        share: float. Share of all pairs that are scored exactly.
        seconds: float. Predicted, of matching all queries.
        mAP: float. Of the sample.
        loss: float. Against that of exact scores. Negative where coarse scores happen to rank better.
        error: float. Standard error of the loss, as an estimate for all queries.
        recall: float. Share of the first 20 exact answers that are listed.
    """

    size: int
    share: float
    seconds: float
    mAP: float
    loss: float
    error: float
    recall: float


@dataclasses.dataclass(frozen=True)
class ShortlistChoice:
    """A size, and what it was chosen by.

    Args:
        size: int. The smallest size found from which on no larger one of the curve loses more than was allowed.
        loss: float. Share of mAP that may be lost.
        num_sample: int. Queries in the sample.
        curve: tuple of `CurvePoint`, by rising size; the last is the whole gallery.
    """

    size: int
    loss: float
    num_sample: int
    curve: tuple

    def to_results(self):
        """Returns it as a plain dict for JSON."""
        return dataclasses.asdict(self) | {"curve": [dataclasses.asdict(point) for point in self.curve]}


def choose_shortlist(
    matcher, query_maps, gallery_maps, query, gallery, loss, sample=SAMPLE, camera_filter="same_identity", seed=0,
    engine="auto", precision="fp32", progress=None, threads=None,
):  # fmt: skip
    """Finds how long short lists must be for no more than a stated loss of mAP, on a sample of queries.

    The sample's queries are matched with the whole gallery, and ranked as if only the most alike by their coarse scores
    had been. Sizes are doubled from 10; between the last that loses too much and the next the smallest that does not is
    looked for by halves, to a twentieth.

    Args:
        matcher: a built `QAConv`.
        query_maps: array or memory map, `(num_query, height, width, channels)`.
        gallery_maps: the same of the gallery.
        query: sequence of records with `.identity` and `.camera`.
        gallery: the same.
        loss: float. Share of mAP, 0..1, that may be lost over the sample.
        sample: int. Queries in the sample; only those with a right answer are drawn. Defaults to `200`.
        camera_filter: see `evaluate_ranking`.
        seed: int. Of the drawing. Defaults to `0`.
        engine: see `score_matrix`.
        precision: see `score_matrix`.
        progress: see `score_matrix`; told of the sample's queries.
        threads: see `score_matrix`.

    Returns:
        A `ShortlistChoice`.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.evaluation.shortlist_size import choose_shortlist
        >>> maps = np.random.default_rng(0).normal(size=(40, 4, 2, 8)).astype("float32")
        >>> records = [ImageRecord(f"{number}.jpg", identity=number) for number in range(40)]
        >>> choice = choose_shortlist(qt.QAConv(), maps, maps, records, records, loss=0.0)
        >>> choice.size, choice.num_sample, [point.size for point in choice.curve]
        (1, 40, [1, 2, 5, 10, 20, 40])
    """
    rows = _draw(query, gallery, sample, camera_filter, seed)
    drawn = _Sample(matcher, query_maps[rows], gallery_maps, (engine, precision), progress, threads)
    records = [query[row] for row in rows], gallery, camera_filter
    costs = drawn.costs(len(query) / len(rows))
    exact = evaluate_ranking(drawn.exact, *records[:2], camera_filter=camera_filter)
    number = len(gallery)

    def measured(size):
        scores, listed = drawn.scores(size)
        ranking = evaluate_ranking(scores, *records[:2], camera_filter=camera_filter)
        lost = exact.average_precision - ranking.average_precision
        error = np.std(lost, ddof=1) / np.sqrt(len(lost)) if len(lost) > 1 else np.inf
        seconds = costs.of_listed(size) if size < number else costs.of_all
        return CurvePoint(
            size, min(size, number) / number, seconds, ranking.mAP, float(lost.mean()), float(error),
            drawn.recall(listed),
        )  # fmt: skip

    return _search(measured, number, loss, len(rows))


def _search(measured, number, loss, num_sample):
    """Measures sizes until the smallest is found; `measured` returns a size's `CurvePoint`."""
    doubled = [_SHORTEST << power for power in range(number.bit_length()) if _SHORTEST << power < number]
    points = {size: measured(size) for size in (*doubled, number)}
    too_short, size = 0, number
    for smaller in reversed(doubled):
        if points[smaller].loss > loss:
            too_short = smaller
            break
        size = smaller
    while size - too_short > max(1, _CLOSE * size):
        middle = (too_short + size) // 2
        points[middle] = measured(middle)
        if points[middle].loss > loss:
            too_short = middle
        else:
            size = middle
    return ShortlistChoice(size, loss, num_sample, tuple(points[size] for size in sorted(points)))


def _draw(query, gallery, number, camera_filter, seed):
    """Returns rows of queries that have a right answer, drawn at random, rising."""
    query_keys, gallery_keys = integer_keys(query, gallery, camera_filter)
    answered = [row for row, key in enumerate(query_keys) if ignored_and_relevant(key, gallery_keys)[1].any()]
    drawn = np.random.default_rng(seed).permutation(answered)[:number]
    return np.sort(drawn)


@dataclasses.dataclass(frozen=True)
class _Costs:
    """Seconds of matching all queries, from those of the sample."""

    of_all: float
    of_coarse: float
    of_an_image: float  # in every query's list

    def of_listed(self, size):
        return self.of_coarse + size * self.of_an_image


class _Sample:
    """Some queries' exact and coarse scores of the whole gallery, and how long these took."""

    def __init__(self, matcher, query_maps, gallery_maps, how, progress, threads):
        self._fill = lambda rows, listed: fill_listed(
            rows, listed, matcher, query_maps[: len(rows)], gallery_maps, *how, threads
        )
        self._seconds = {}
        self.exact = self._timed("exact", score_matrix, matcher, query_maps, gallery_maps, *how, progress, threads)
        coarse = self._timed("pooling", CoarseScores, matcher, gallery_maps, how[0], threads)
        coarse(query_maps[:1])  # compiles
        self._coarse = self._timed("coarse", coarse, query_maps)
        first = np.argsort(-self.exact, axis=1, kind="stable")[:, :RECALLED]
        self._first = np.zeros(self.exact.shape, bool)
        np.put_along_axis(self._first, first, True, axis=1)

    def _timed(self, name, function, *arguments):
        started = time.perf_counter()
        result = function(*arguments)
        self._seconds[name] = time.perf_counter() - started
        return result

    def costs(self, times):
        """What so many times the queries would take."""
        size = min(_TIMED, self.exact.shape[1])
        listed, rows = most_alike(self._coarse, size), np.empty_like(self.exact)
        self._fill(rows[:1], listed[:1])  # compiles
        self._timed("listed", self._fill, rows, listed)
        seconds = self._seconds
        of_coarse = seconds["pooling"] + times * seconds["coarse"]
        return _Costs(times * seconds["exact"], of_coarse, times * seconds["listed"] / size)

    def scores(self, size):
        """What `shortlist_scores` would return for the sample, and what is listed."""
        listed = most_alike(self._coarse, size)
        scores = self.exact.copy()
        if size < scores.shape[1]:
            order_below(scores, listed, self._coarse)
        return scores, listed

    def recall(self, listed):
        return float((listed & self._first).sum() / self._first.sum())
