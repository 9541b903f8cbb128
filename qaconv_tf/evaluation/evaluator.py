"""A model and a data set -> feature maps, scores, re-ranked and lifted ones, and how well they rank."""

import dataclasses
import functools
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.ranking import RankingResult, check_answerable, evaluate_ranking
from qaconv_tf.evaluation.reranking import rerank
from qaconv_tf.evaluation.temporal_lifting import check_clocks, temporal_lifting
from qaconv_tf.matching.distance_matrix import check_temporary_space, distances_among, num_pairs_among, temporary_map
from qaconv_tf.matching.score_matrix import chosen_engine, pooled_scores, score_matrix
from qaconv_tf.pipeline.batches import evaluation_batches, user_error_from

SCORINGS = ("matching", "pooled")
_ROWS_PER_BLOCK = 64


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluationResult:
    """What an `Evaluator` found, and how long each stage took.

    Args:
        dataset: str. Name of the data set.
        scoring: str. `"matching"` or `"pooled"`, followed by what was made of it: `"matching + re-ranking"`.
        engine: str or None. Engine that did the matching, `None` where nothing was matched.
        precision: str or None. Precision of the matching, `None` where nothing was matched.
        ranking: `RankingResult`.
        scores: float32 array or memory map `(num_query, num_gallery)`.
        seconds: dict of str to float. Seconds of `"extraction"`, `"matching"` and `"ranking"`; of `"more_matching"` and
            `"reranking"`, and of `"temporal_lifting"`, where these were done.
        processing: mapping. What was made of the matcher's scores: its `"temperature"`, and the options of
            `"reranking"` and `"temporal_lifting"`. Defaults to nothing.
        kernel: str or None. The native engine's kernel, where it did the matching. Defaults to `None`.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.evaluation.evaluator import EvaluationResult
        >>> from qaconv_tf.evaluation.ranking import RankingResult
        >>> one = np.ones(1)
        >>> ranking = RankingResult(one, one, one, one, num_gallery=2, protocol="market1501")
        >>> seconds = {"extraction": 1.0, "matching": 0.5, "ranking": 0.1}
        >>> result = EvaluationResult("pets2009", "pooled", None, None, ranking, np.ones((1, 2)), seconds)
        >>> result.pairs_per_second, result.to_results()["rank10"]
        (4.0, 1.0)
    """

    dataset: str
    scoring: str
    engine: str | None
    precision: str | None
    ranking: RankingResult
    scores: np.ndarray
    seconds: dict
    processing: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    kernel: str | None = None

    @property
    def pairs_per_second(self):
        """Pairs of images scored in a second of the matching stage."""
        return self.scores.size / self.seconds["matching"]

    def to_results(self):
        """Returns the numbers, and what made them, as a plain dict for JSON."""
        return {
            "dataset": self.dataset,
            "protocol": self.ranking.protocol,
            "camera_filter": self.ranking.camera_filter,
            "scoring": self.scoring,
            "processing": dict(self.processing),
            "engine": self.engine,
            "kernel": self.kernel,
            "precision": self.precision,
            "rank1": self.ranking.rank1,
            "rank5": self.ranking.rank(5),
            "rank10": self.ranking.rank(10),
            "mAP": self.ranking.mAP,
            "mAP_trapezoid": self.ranking.mAP_trapezoid,
            "mINP": self.ranking.mINP,
            "average_precision": {"mAP": "step", "mAP_trapezoid": "trapezoid (Market-1501)"},
            "num_query": self.ranking.num_query,
            "num_gallery": self.ranking.num_gallery,
            "num_skipped": self.ranking.num_skipped,
            "seconds": dict(self.seconds),
            "pairs_per_second": self.pairs_per_second,
        }


class Evaluator:
    """Evaluates models on the query and gallery of one data set.

    Args:
        dataset: `ReidDataset`. Its training part is not used.
        batch_size: int. Images extracted at once. Defaults to `64`.
        engine: str. Engine of `score_matrix`. Defaults to `"auto"`.
        precision: str. Precision of `score_matrix`. Defaults to `"fp32"`.
        threads: int or None. Threads of `score_matrix`. Defaults to `None`.
        **rules: of `evaluate_ranking`: `protocol`, `camera_filter`, `seed`.

    Raises:
        ValueError: if the engine is unknown.
        UserError: if there is no query, no gallery image, or no query has a right answer; or if the engine is not
            there, or has no such precision.

    Example:
        >>> import tempfile
        >>> from types import SimpleNamespace
        >>> from PIL import Image
        >>> from qaconv_tf.datasets.records import ImageRecord, ReidDataset
        >>> from qaconv_tf.evaluation.evaluator import Evaluator
        >>> model = SimpleNamespace(
        ...     backbone=SimpleNamespace(image_height=8, image_width=4),
        ...     extract=lambda images: images[:, ::4, ::4],
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     records = []
        ...     for camera, colour in enumerate(["red", "maroon", "blue"]):
        ...         Image.new("RGB", (4, 8), colour).save(f"{folder}/{colour}.png")
        ...         identity = "bob" if colour == "blue" else "ann"
        ...         records.append(ImageRecord(f"{folder}/{colour}.png", identity, camera))
        ...     evaluator = Evaluator(ReidDataset("colours", train=(), query=records[:1], gallery=records[1:]))
        ...     result = evaluator.evaluate(model, scoring="pooled")
        >>> result.scores.round(3).tolist(), result.ranking.rank1
        ([[1.0, 0.0]], 1.0)
    """

    def __init__(self, dataset, batch_size=64, engine="auto", precision="fp32", threads=None, **rules):
        check_answerable(dataset.query, dataset.gallery, rules.get("camera_filter", "same_identity"))
        self.dataset = dataset
        self.rules = rules
        self.batch_size = batch_size
        self.engine = chosen_engine(engine, precision)
        self.threads = threads

    def evaluate(self, model, scoring="matching", progress=None):
        """Extracts every feature map, scores every pair and ranks the gallery for each query.

        Args:
            model: `MatchingModel`.
            scoring: str. `"matching"` asks the model's matcher; `"pooled"` is the usual baseline, the cosine of the
                mean-pooled feature maps. Defaults to `"matching"`.
            progress: callable or None. Called as `progress(stage, done, total)`, in images for the stage
                `"extraction"`, in queries for `"matching"` and `"temporal lifting"`, in pairs for `"matching the
                queries"` and `"matching the gallery"`, in rows of distances for `"re-ranking"`. Defaults to `None`.

        Returns:
            An `EvaluationResult`.

        Raises:
            ValueError: if `scoring` is unknown.
            UserError: if an image cannot be read, or the model's numbers are not finite.
        """
        return self.evaluate_each(model, (scoring,), progress)[0]

    def evaluate_each(self, model, scorings, progress=None, reranking=None, lifting=None):
        """As `evaluate`, for several scorings of the same maps, which are extracted once.

        What the matching found may be re-ranked, and then, re-ranked or not, be lifted; the official order. Both take
        probabilities, `sigmoid(score / temperature)`, and hold what they need in temporary files.

        Args:
            model: `MatchingModel`.
            scorings: sequence of str, as `evaluate`'s `scoring`.
            progress: as in `evaluate`.
            reranking: mapping or None. Options of `rerank`, to re-rank. Defaults to `None`.
            lifting: mapping or None. Options of `temporal_lifting`, to lift. Defaults to `None`.

        Returns:
            A list of `EvaluationResult`: after that of `"matching"` one for each step made of it. Each says the seconds
            of all that led to it.

        Raises:
            ValueError: if a scoring is unknown.
            UserError: as `evaluate`; or if there are no times to lift by, or no space for the temporary files.
        """
        for scoring in scorings:
            if scoring not in SCORINGS:
                raise ValueError(f"Expected a scoring of {', '.join(SCORINGS)}. Received: scoring={scoring!r}")
        self.check(reranking is not None, lifting is not None)
        query, gallery = self.dataset.query, self.dataset.gallery
        progress = progress or _silent
        started = time.perf_counter()
        # Both parts in one call, so that the extraction is compiled once; the parts are views, not copies.
        records = (*query, *gallery)
        maps = extract_feature_maps(model, records, self.batch_size, functools.partial(progress, "extraction"))
        seconds = time.perf_counter() - started
        query_maps, gallery_maps = maps[: len(query)], maps[len(query) :]
        results = []
        for scoring in scorings:
            result = self._score(model, query_maps, gallery_maps, scoring, {"extraction": seconds}, progress)
            results.append(result)
            if scoring == "matching" and reranking is not None:
                result = self._rerank(model.matcher, query_maps, gallery_maps, result, reranking, progress)
                results.append(result)
            if scoring == "matching" and lifting is not None:
                results.append(self._lift(model.matcher, result, lifting, progress))
        return results

    def check(self, reranking, lifting):
        """Checks, before any work, that what `evaluate_each` would make of the matching's scores can be made.

        Args:
            reranking: bool. Whether they are re-ranked.
            lifting: bool. Whether they are lifted.

        Raises:
            UserError: if there are no times to lift by, or no space for the temporary files.
        """
        if lifting:
            check_clocks(self.dataset.query, self.dataset.gallery)
        check_temporary_space(self.temporary_bytes(reranking, lifting))

    def temporary_bytes(self, reranking, lifting):
        """Returns the size of the temporary files of an evaluation with or without re-ranking and lifting."""
        num_query, num_gallery = len(self.dataset.query), len(self.dataset.gallery)
        numbers = num_query**2 + num_gallery**2 + num_query * num_gallery if reranking else 0
        if lifting:
            numbers += (1 if reranking else 2) * num_query * num_gallery
        return 4 * numbers

    def reranking_pairs(self, matcher):
        """Returns how many pairs re-ranking must match beside those of the queries and the gallery."""
        return sum(num_pairs_among(matcher, len(part)) for part in (self.dataset.query, self.dataset.gallery))

    def _score(self, model, query_maps, gallery_maps, scoring, seconds, progress):
        started = time.perf_counter()
        if scoring == "pooled":
            scores = pooled_scores(query_maps, gallery_maps)
        else:
            shown = functools.partial(progress, "matching")
            how = self.engine.name, self.engine.precision, shown, self.threads
            scores = score_matrix(model.matcher, query_maps, gallery_maps, *how)
        seconds = seconds | {"matching": time.perf_counter() - started}
        return self._result(scoring, scores, seconds, {})

    def _rerank(self, matcher, query_maps, gallery_maps, result, options, progress):
        started = time.perf_counter()
        among = []
        for part, maps in (("the queries", query_maps), ("the gallery", gallery_maps)):
            shown = functools.partial(progress, f"matching {part}")
            how = self.engine.name, self.engine.precision, shown, self.threads
            among.append(distances_among(matcher, maps, *how))
        matched = time.perf_counter()

        def query_gallery(first, last):
            return matcher.probabilities(-result.scores[first:last]).numpy()

        similarities = temporary_map(result.scores.shape)
        shown = functools.partial(progress, "re-ranking")
        rerank(query_gallery, *among, **options, output=similarities, progress=shown)
        np.subtract(1, similarities, out=similarities)
        seconds = {"more_matching": matched - started, "reranking": time.perf_counter() - matched}
        processing = {"temperature": float(matcher.temperature), "reranking": dict(options)}
        return self._result(f"{result.scoring} + re-ranking", similarities, result.seconds | seconds, processing)

    def _lift(self, matcher, result, options, progress):
        started = time.perf_counter()
        probabilities = result.scores
        if "reranking" not in result.processing:
            probabilities = temporary_map(result.scores.shape)
            for first in range(0, len(probabilities), _ROWS_PER_BLOCK):
                rows = slice(first, first + _ROWS_PER_BLOCK)
                probabilities[rows] = matcher.probabilities(result.scores[rows])
        lifted = temporary_map(result.scores.shape)
        query, gallery = self.dataset.query, self.dataset.gallery
        shown = functools.partial(progress, "temporal lifting")
        temporal_lifting(probabilities, query, gallery, **options, output=lifted, progress=shown)
        seconds = result.seconds | {"temporal_lifting": time.perf_counter() - started}
        processing = {"temperature": float(matcher.temperature), **result.processing, "temporal_lifting": dict(options)}
        return self._result(f"{result.scoring} + temporal lifting", lifted, seconds, processing)

    def _result(self, scoring, scores, seconds, processing):
        started = time.perf_counter()
        ranking = evaluate_ranking(scores, self.dataset.query, self.dataset.gallery, **self.rules)
        matched = scoring != "pooled"
        return EvaluationResult(
            dataset=self.dataset.name,
            scoring=scoring,
            engine=self.engine.name if matched else None,
            precision=self.engine.precision if matched else None,
            ranking=ranking,
            scores=scores,
            seconds=seconds | {"ranking": time.perf_counter() - started},
            processing=processing,
            kernel=self.engine.kernel if matched else None,
        )


def extract_feature_maps(model, records, batch_size=64, progress=None):
    """Reads the images of some records and returns their feature maps.

    Args:
        model: `MatchingModel`, or anything with `.extract(images)`, `.backbone.image_height` and `.image_width`.
        records: sequence of `ImageRecord`, at least one.
        batch_size: int. Images extracted at once. Defaults to `64`.
        progress: callable or None. Called as `progress(done, total)`, in images, after each batch. Defaults to `None`.

    Returns:
        float32 array `(len(records), height, width, channels)`, in the records' order.

    Raises:
        UserError: if an image cannot be read, or a feature map is not finite.

    Example:
        >>> import tempfile
        >>> from types import SimpleNamespace
        >>> from PIL import Image
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.evaluation.evaluator import extract_feature_maps
        >>> model = SimpleNamespace(
        ...     backbone=SimpleNamespace(image_height=8, image_width=4),
        ...     extract=lambda images: images[:, ::4, ::4],
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (4, 8), "red").save(f"{folder}/red.png")
        ...     maps = extract_feature_maps(model, [ImageRecord(f"{folder}/red.png", identity="ann")])
        >>> maps.shape, maps[0, 0, 0].tolist()
        ((1, 2, 1, 3), [1.0, 0.0, 0.0])
    """
    batch_size = min(batch_size, len(records))
    height, width = model.backbone.image_height, model.backbone.image_width
    extract = tf.function(model.extract)
    progress = progress or _silent
    maps = None
    done = 0
    for images in _read_batches(records, height, width, batch_size):
        count = len(images)
        # The last batch is filled up to the shape of the others, so that nothing is traced twice.
        filled = tf.pad(images, [[0, batch_size - count], [0, 0], [0, 0], [0, 0]])
        batch_maps = extract(filled).numpy()[:count]
        _check_finite(batch_maps, records[done : done + count])
        if maps is None:
            maps = np.empty((len(records), *batch_maps.shape[1:]), np.float32)
        maps[done : done + count] = batch_maps
        done += count
        progress(done, len(records))
    return maps


def _read_batches(records, height, width, batch_size):
    try:
        yield from evaluation_batches(records, height, width, batch_size)
    except tf.errors.OpError as error:
        user_error = user_error_from(error)
        if user_error is None:
            raise
        raise user_error from error


def _check_finite(maps, records):
    # Checked here because XLA's maximum passes over NaN: a diverged model's scores would be -inf, and would be ranked.
    bad = ~np.isfinite(maps).all(axis=(1, 2, 3))
    if bad.any():
        raise UserError(
            f"Expected finite feature maps. Received: NaN or infinity for {records[int(np.argmax(bad))].path!r} first. "
            "The model's weights have diverged or are damaged: take an earlier checkpoint"
        )


def _silent(*_):
    """The progress that nobody watches."""
