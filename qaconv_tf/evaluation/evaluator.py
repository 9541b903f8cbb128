"""A model and a data set -> feature maps, scores, re-ranked and lifted ones, and how well they rank."""

import dataclasses
import functools
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.extraction import extract_feature_maps
from qaconv_tf.evaluation.intervals import bootstrap_intervals, per_query
from qaconv_tf.evaluation.ranking import RankingResult, check_answerable, evaluate_ranking
from qaconv_tf.evaluation.reranking import rerank
from qaconv_tf.evaluation.resources import Needs, available_memory, make_plan
from qaconv_tf.evaluation.shortlist_size import choose_shortlist
from qaconv_tf.evaluation.temporal_lifting import check_clocks, temporal_lifting
from qaconv_tf.matching.distance_matrix import check_temporary_space, distances_among, num_pairs_among, temporary_map
from qaconv_tf.matching.score_matrix import chosen_engine, pooled_scores, score_matrix
from qaconv_tf.matching.shortlist import MOST_LOCATIONS, coarse_shape, shortlist_scores

SCORINGS = ("matching", "pooled")
_ROWS_PER_BLOCK = 64
# Bytes, measured and rounded up: what the network needs for a pixel of a batch, re-ranking for an image, choosing a
# short list for a pair of its sample, and the rest.
_EXTRACTION_PER_PIXEL = 400
_RERANKING_PER_IMAGE = 12_000
_CHOOSING_PER_PAIR = 24
_WORKING = 300e6
_USUAL_CHANNELS = 128  # of maps that are there already


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluationResult:
    """What an `Evaluator` found, and how long each stage took.

    Args:
        dataset: str. Name of the data set.
        scoring: str. `"matching"`, `"matching of short lists"` or `"pooled"`, followed by what was made of it:
            `"matching + re-ranking"`.
        engine: str or None. Engine that did the matching, `None` where nothing was matched.
        precision: str or None. Precision of the matching, `None` where nothing was matched.
        ranking: `RankingResult`.
        scores: float32 array or memory map `(num_query, num_gallery)`.
        seconds: dict of str to float. Seconds of `"extraction"`, `"matching"` and `"ranking"`; of `"more_matching"` and
            `"reranking"`, of `"temporal_lifting"` and of `"choosing"` a short list, where these were done.
        processing: mapping. What was made of the matcher's scores: its `"temperature"`, and the options of
            `"reranking"` and `"temporal_lifting"`; or the `"shortlist"` that was scored. Defaults to nothing.
        kernel: str or None. The native engine's kernel, where it did the matching. Defaults to `None`.
        amounts: mapping of str to int. What each stage did: images of the extraction, pairs of all others. Defaults to
            nothing.
        extraction_precision: str or None. Precision of the extraction, `None` of maps that were there. Defaults to
            `None`.
        intervals: mapping of str to `(low, high)`. 95 % confidence intervals of the rates, over identities. Defaults
            to nothing.
        descriptions: sparse array or None. What re-ranking described each query by; see `rerank`. Defaults to `None`.

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
    amounts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    extraction_precision: str | None = None
    intervals: Mapping[str, tuple] = dataclasses.field(default_factory=dict)
    descriptions: Any = None

    @property
    def pairs_per_second(self):
        """Pairs of images scored in a second of the matching stage; of short lists, exactly scored ones."""
        return self.amounts.get("matching", self.scores.size) / self.seconds["matching"]

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
            "extraction_precision": self.extraction_precision,
            "rank1": self.ranking.rank1,
            "rank5": self.ranking.rank(5),
            "rank10": self.ranking.rank(10),
            "mAP": self.ranking.mAP,
            "mAP_trapezoid": self.ranking.mAP_trapezoid,
            "mINP": self.ranking.mINP,
            "intervals": {name: list(ends) for name, ends in self.intervals.items()},
            "average_precision": {"mAP": "step", "mAP_trapezoid": "trapezoid (Market-1501)"},
            "num_query": self.ranking.num_query,
            "num_gallery": self.ranking.num_gallery,
            "num_skipped": self.ranking.num_skipped,
            "seconds": dict(self.seconds),
            "per_second": {stage: amount / self.seconds[stage] for stage, amount in self.amounts.items()},
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
        extraction_precision: str. Precision of `extract_feature_maps`. Defaults to `"fp32"`.
        shortlist: `Shortlist` or None. Match each query with a short list of the gallery only. Defaults to `None`: all.
        **rules: of `evaluate_ranking`: `protocol`, `camera_filter`, `seed`.

    Raises:
        ValueError: if the engine is unknown.
        UserError: if there is no query, no gallery image, or no query has a right answer; or if the engine is not
            there, or has no such precision.

    Example:
        >>> import tempfile
        >>> import qaconv_tf as qt
        >>> from PIL import Image
        >>> from qaconv_tf.datasets.records import ImageRecord, ReidDataset
        >>> from qaconv_tf.evaluation.evaluator import Evaluator
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     records = []
        ...     for camera, colour in enumerate(["red", "maroon", "blue"]):
        ...         Image.new("RGB", (32, 64), colour).save(f"{folder}/{colour}.png")
        ...         identity = "bob" if colour == "blue" else "ann"
        ...         records.append(ImageRecord(f"{folder}/{colour}.png", identity, camera))
        ...     evaluator = Evaluator(ReidDataset("colours", train=(), query=records[:1], gallery=records[1:]))
        ...     result = evaluator.evaluate(qt.build_model(image_height=64, image_width=32), scoring="pooled")
        >>> result.scores.shape, result.ranking.rank1
        ((1, 2), 1.0)
    """

    def __init__(
        self, dataset, batch_size=64, engine="auto", precision="fp32", threads=None, extraction_precision="fp32",
        shortlist=None, **rules,
    ):  # fmt: skip
        check_answerable(dataset.query, dataset.gallery, rules.get("camera_filter", "same_identity"))
        self.dataset = dataset
        self.rules = rules
        self.batch_size = batch_size
        self.engine = chosen_engine(engine, precision)
        self.threads = threads
        self.extraction_precision = extraction_precision
        self.shortlist = shortlist

    @property
    def num_images(self):
        """Queries and gallery images."""
        return len(self.dataset.query) + len(self.dataset.gallery)

    @property
    def num_pairs(self):
        """Pairs of a query and a gallery image."""
        return len(self.dataset.query) * len(self.dataset.gallery)

    @property
    def choosing_pairs(self):
        """Pairs that are matched to choose the size of a short list: all of its sample."""
        if self.shortlist is None or self.shortlist.size is not None:
            return 0
        return min(self.shortlist.sample, len(self.dataset.query)) * len(self.dataset.gallery)

    def evaluate(self, model, scoring="matching", progress=None):
        """Extracts every feature map, scores every pair and ranks the gallery for each query.

        Args:
            model: `MatchingModel`.
            scoring: str. `"matching"` asks the model's matcher; `"pooled"` is the usual baseline, the cosine of the
                mean-pooled feature maps. Defaults to `"matching"`.
            progress: callable or None. Called as `progress(stage, done, total)`, in images for the stage
                `"extraction"`, in queries for `"matching"`, `"choosing the short list"` (those of its sample) and
                `"temporal lifting"` (of what was re-ranked too), in pairs for `"matching the queries"` and `"matching
                the gallery"`, in rows of distances for `"re-ranking"`. Defaults to `None`.

        Returns:
            An `EvaluationResult`.

        Raises:
            ValueError: if `scoring` is unknown.
            UserError: if an image cannot be read, the model's numbers are not finite, or memory does not suffice.
        """
        return self.evaluate_each(model, (scoring,), progress)[0]

    def evaluate_each(self, model, scorings, progress=None, reranking=None, lifting=None, on_maps=None):
        """As `evaluate`, for several scorings of the same maps, which are extracted once.

        What the matching found may be lifted, re-ranked, and what was re-ranked lifted; the official order. Both take
        probabilities, `sigmoid(score / temperature)`, and hold what they need in temporary files. So are maps and
        scores where memory does not suffice.

        Args:
            model: `MatchingModel`.
            scorings: sequence of str, as `evaluate`'s `scoring`.
            progress: as in `evaluate`.
            reranking: mapping or None. Options of `rerank`, to re-rank. Defaults to `None`.
            lifting: mapping or None. Options of `temporal_lifting`, to lift. Defaults to `None`.
            on_maps: callable or None. Called with the feature maps, those of the queries first, before they are
                scored. Defaults to `None`.

        Returns:
            A list of `EvaluationResult`: after that of `"matching"` one for each step made of it. Each says the seconds
            of all that led to it.

        Raises:
            ValueError: if a scoring is unknown.
            UserError: as `evaluate`; or if there are no times to lift by, or no space for the temporary files.
        """
        plan = self.plan(model.backbone, scorings, reranking is not None, lifting is not None)
        progress = progress or _silent
        started = time.perf_counter()
        # Both parts in one call, so that the extraction is compiled once; the parts are views, not copies.
        records = (*self.dataset.query, *self.dataset.gallery)
        maps = _new_table((len(records), *model.backbone.feature_shape), "feature maps" in plan.in_files)
        shown = functools.partial(progress, "extraction")
        extract_feature_maps(model, records, self.batch_size, shown, self.extraction_precision, maps)
        extracted = _Cost().after("extraction", started, len(records))
        if on_maps is not None:
            on_maps(maps)
        steps = progress, reranking, lifting, "scores" in plan.in_files
        return self._score_each(model.matcher, maps, scorings, extracted, *steps)

    def evaluate_maps(self, matcher, maps, scorings, progress=None, reranking=None, lifting=None):
        """As `evaluate_each`, of feature maps that are there already.

        Args:
            matcher: a built `QAConv`.
            maps: array or memory map `(num_query + num_gallery, height, width, channels)`, queries first.
            scorings: as in `evaluate_each`; so are the others, what is returned and the errors.
            progress: see `scorings`.
            reranking: see `scorings`.
            lifting: see `scorings`.

        Returns:
            A list of `EvaluationResult`.

        Raises:
            ValueError: if there is not a map for each image.
        """
        if len(maps) != self.num_images:
            raise ValueError(f"Expected maps of {self.num_images} images. Received: {len(maps)}")
        plan = self.plan(None, scorings, reranking is not None, lifting is not None)
        steps = progress or _silent, reranking, lifting, "scores" in plan.in_files
        return self._score_each(matcher, maps, scorings, _Cost(), *steps)

    def plan(self, backbone, scorings, reranking, lifting, held=(0, 0)):
        """Says, before any work, what memory and temporary files an evaluation takes.

        Args:
            backbone: `Backbone` that makes the maps, or `None` where there are maps.
            scorings: sequence of str, as `evaluate_each` takes them.
            reranking: bool. Whether what was matched is re-ranked.
            lifting: bool. Whether it is lifted.
            held: two ints. Bytes of memory and of files that other results will hold by then; see `held_bytes`.
                Defaults to none.

        Returns:
            A `Plan`, `"feature maps"` and `"scores"` among what may be in files.

        Raises:
            ValueError: if a scoring is unknown.
            UserError: if there are no times to lift by, or not enough memory or space for temporary files.
        """
        for scoring in scorings:
            if scoring not in SCORINGS:
                raise ValueError(f"Expected a scoring of {', '.join(SCORINGS)}. Received: scoring={scoring!r}")
        self.check(reranking, lifting)
        memory, tables = {"work": int(_WORKING)}, {}
        if reranking:
            memory["re-ranking"] = _RERANKING_PER_IMAGE * self.num_images
        if self.shortlist is not None and "matching" in scorings:
            channels = _USUAL_CHANNELS if backbone is None else backbone.feature_shape[-1]
            coarse = 4 * MOST_LOCATIONS * channels * len(self.dataset.gallery)
            memory["short list"] = coarse + _CHOOSING_PER_PAIR * self.choosing_pairs
        if backbone is not None:
            batch = min(self.batch_size, self.num_images)
            memory["extraction"] = _EXTRACTION_PER_PIXEL * batch * backbone.image_height * backbone.image_width
            tables["feature maps"] = 4 * self.num_images * math.prod(backbone.feature_shape)
        tables["scores"] = 4 * self.num_pairs * len(scorings)
        needs = Needs(memory, tables, self.temporary_bytes(reranking, lifting))
        advice = "Extract fewer images at a time (--evaluation_batch_size), or leave --rerank out"
        plan = make_plan(needs, available_memory() - held[0], advice)
        check_temporary_space(plan.files + held[1])
        return plan

    def held_bytes(self, plan, scorings, reranking, lifting):
        """Returns how many bytes of memory and of files the results of a plan hold, as long as they are there.

        Args:
            plan: what `plan` returned for the others.
            scorings: see `plan`.
            reranking: see `plan`.
            lifting: see `plan`.
        """
        scores, table = 4 * self.num_pairs * len(scorings), 4 * self.num_pairs
        in_files = table * (reranking + lifting * (1 + reranking))
        return (0, scores + in_files) if "scores" in plan.in_files else (scores, in_files)

    def check(self, reranking, lifting):
        """Checks, before a model is there, that what `evaluate_each` would make of the scores can be made.

        Args:
            reranking: bool. Whether they are re-ranked.
            lifting: bool. Whether they are lifted.

        Raises:
            UserError: if there are no times to lift by, or no space for the temporary files; or if scores are asked of
                which only short lists are exact.
        """
        if self.shortlist is not None and (reranking or lifting):
            flag = "--rerank" if reranking else "--tlift"
            raise UserError(
                f"Expected no {flag} with a short list: it takes the probabilities of all pairs, and only those of the "
                "list are exact. Received: both. Leave one out"
            )
        if lifting:
            check_clocks(self.dataset.query, self.dataset.gallery)
        check_temporary_space(self.temporary_bytes(reranking, lifting))

    def temporary_bytes(self, reranking, lifting):
        """Returns the size of the temporary files of an evaluation with or without re-ranking and lifting."""
        num_query, num_gallery = len(self.dataset.query), len(self.dataset.gallery)
        numbers = num_query**2 + num_gallery**2 + num_query * num_gallery if reranking else 0
        if lifting:
            # With re-ranking, what is lifted alone: its probabilities are gone when re-ranking begins.
            numbers += (1 if reranking else 2) * num_query * num_gallery
        return 4 * numbers

    def reranking_pairs(self, matcher):
        """Returns how many pairs re-ranking must match beside those of the queries and the gallery."""
        return sum(num_pairs_among(matcher, len(part)) for part in (self.dataset.query, self.dataset.gallery))

    def _score_each(self, matcher, maps, scorings, extracted, progress, reranking, lifting, in_file):
        query_maps, gallery_maps = maps[: len(self.dataset.query)], maps[len(self.dataset.query) :]
        results = []
        for scoring in scorings:
            result = self._score(matcher, query_maps, gallery_maps, scoring, extracted, progress, in_file)
            results.append(result)
            if scoring == "matching" and lifting is not None:
                results.append(self._lift(matcher, result, lifting, progress))
            if scoring == "matching" and reranking is not None:
                reranked = self._rerank(matcher, query_maps, gallery_maps, result, reranking, progress)
                results.append(reranked)
                if lifting is not None:
                    results.append(self._lift(matcher, reranked, lifting, progress))
        return results

    def _score(self, matcher, query_maps, gallery_maps, scoring, extracted, progress, in_file):
        if scoring == "matching" and self.shortlist is not None:
            return self._score_listed(matcher, query_maps, gallery_maps, extracted, progress, in_file)
        started = time.perf_counter()
        scores = _new_table((len(query_maps), len(gallery_maps)), in_file)
        if scoring == "pooled":
            pooled_scores(query_maps, gallery_maps, scores)
        else:
            shown = functools.partial(progress, "matching")
            how = self.engine.name, self.engine.precision, shown, self.threads
            score_matrix(matcher, query_maps, gallery_maps, *how, scores)
        return self._result(scoring, scores, extracted.after("matching", started, scores.size), {})

    def _score_listed(self, matcher, query_maps, gallery_maps, cost, progress, in_file):
        how = {"engine": self.engine.name, "precision": self.engine.precision, "threads": self.threads}
        shortlist = {"size": self.shortlist.size}
        if self.shortlist.size is None:
            started = time.perf_counter()
            records = self.dataset.query, self.dataset.gallery
            wanted = {"loss": self.shortlist.loss, "sample": self.shortlist.sample}
            wanted |= {name: self.rules[name] for name in ("camera_filter", "seed") if name in self.rules}
            shown = functools.partial(progress, "choosing the short list")
            choice = choose_shortlist(matcher, query_maps, gallery_maps, *records, **wanted, **how, progress=shown)
            shortlist = choice.to_results()
            cost = cost.after("choosing", started, choice.num_sample * len(gallery_maps))
        started = time.perf_counter()
        scores = _new_table((len(query_maps), len(gallery_maps)), in_file)
        shown, size = functools.partial(progress, "matching"), shortlist["size"]
        shortlist_scores(matcher, query_maps, gallery_maps, size, **how, progress=shown, output=scores)
        cost = cost.after("matching", started, len(query_maps) * min(size, len(gallery_maps)))
        shortlist |= {"coarse_shape": coarse_shape(*matcher.feature_shape[:2])}
        return self._result("matching of short lists", scores, cost, {"shortlist": shortlist})

    def _rerank(self, matcher, query_maps, gallery_maps, result, options, progress):
        started = time.perf_counter()
        among = []
        for part, maps in (("the queries", query_maps), ("the gallery", gallery_maps)):
            shown = functools.partial(progress, f"matching {part}")
            how = self.engine.name, self.engine.precision, shown, self.threads
            among.append(distances_among(matcher, maps, *how))
        cost = _Cost.of(result).after("more_matching", started, self.reranking_pairs(matcher))
        started = time.perf_counter()

        def query_gallery(first, last):
            return matcher.probabilities(-result.scores[first:last]).numpy()

        similarities = temporary_map(result.scores.shape)
        shown = functools.partial(progress, "re-ranking")
        described = []
        rerank(
            query_gallery, *among, **options, output=similarities, progress=shown, on_descriptions=described.append
        )
        np.subtract(1, similarities, out=similarities)
        cost = cost.after("reranking", started, self.num_pairs)
        processing = {"temperature": float(matcher.temperature), "reranking": dict(options)}
        reranked = self._result(f"{result.scoring} + re-ranking", similarities, cost, processing)
        return dataclasses.replace(reranked, descriptions=described[0])

    def _lift(self, matcher, result, options, progress):
        started = time.perf_counter()
        probabilities = result.scores
        stage = "temporal lifting of the re-ranked"
        if "reranking" not in result.processing:
            stage = "temporal lifting"
            probabilities = temporary_map(result.scores.shape)
            for first in range(0, len(probabilities), _ROWS_PER_BLOCK):
                rows = slice(first, first + _ROWS_PER_BLOCK)
                probabilities[rows] = matcher.probabilities(result.scores[rows])
        lifted = temporary_map(result.scores.shape)
        query, gallery = self.dataset.query, self.dataset.gallery
        shown = functools.partial(progress, stage)
        temporal_lifting(probabilities, query, gallery, **options, output=lifted, progress=shown)
        cost = _Cost.of(result).after("temporal_lifting", started, self.num_pairs)
        processing = {"temperature": float(matcher.temperature), **result.processing, "temporal_lifting": dict(options)}
        return self._result(f"{result.scoring} + temporal lifting", lifted, cost, processing)

    def _result(self, scoring, scores, cost, processing):
        started = time.perf_counter()
        ranking = evaluate_ranking(scores, self.dataset.query, self.dataset.gallery, **self.rules)
        cost = cost.after("ranking", started, self.num_pairs)
        # As text: image folders name people, other sets number them.
        identities = [str(record.identity) for record in self.dataset.query]
        intervals = bootstrap_intervals(per_query(ranking), identities)
        matched = scoring != "pooled"
        return EvaluationResult(
            dataset=self.dataset.name,
            scoring=scoring,
            engine=self.engine.name if matched else None,
            precision=self.engine.precision if matched else None,
            ranking=ranking,
            scores=scores,
            seconds=cost.seconds,
            processing=processing,
            kernel=self.engine.kernel if matched else None,
            amounts=cost.amounts,
            extraction_precision=self.extraction_precision if "extraction" in cost.seconds else None,
            intervals=intervals,
        )


@dataclasses.dataclass(frozen=True)
class _Cost:
    """Seconds and amounts of the stages so far."""

    seconds: dict = dataclasses.field(default_factory=dict)
    amounts: dict = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, result):
        """What led to a result, without its ranking: what is made of it has its own."""
        seconds, amounts = dict(result.seconds), dict(result.amounts)
        del seconds["ranking"], amounts["ranking"]
        return cls(seconds, amounts)

    def after(self, stage, started, amount):
        seconds = time.perf_counter() - started
        return _Cost(self.seconds | {stage: seconds}, self.amounts | {stage: amount})


def _new_table(shape, in_file):
    return temporary_map(shape) if in_file else np.empty(shape, np.float32)


def _silent(*_):
    """The progress that nobody watches."""
