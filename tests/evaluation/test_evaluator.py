import dataclasses
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from qaconv_tf.datasets.records import ImageRecord, ReidDataset
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.evaluator import Evaluator
from qaconv_tf.evaluation.extraction import extract_feature_maps
from qaconv_tf.evaluation.ranking import evaluate_ranking
from qaconv_tf.evaluation.reranking import rerank
from qaconv_tf.evaluation.shortlist_size import Shortlist, choose_shortlist
from qaconv_tf.evaluation.temporal_lifting import temporal_lifting
from qaconv_tf.matching.qaconv import QAConv
from qaconv_tf.matching.score_matrix import Engine, chosen_engine
from qaconv_tf.matching.shortlist import shortlist_scores

HEIGHT, WIDTH = 16, 8
COLOURS = {"ann": (200, 60, 40), "bob": (50, 180, 60), "cid": (40, 60, 190)}


class ColourModel:
    """Stands for a MatchingModel: a feature map is the mean colour of each 4 x 4 square, L2-normalised."""

    def __init__(self, dtype=tf.float32):
        shape = HEIGHT // 4, WIDTH // 4, 3
        self.backbone = SimpleNamespace(image_height=HEIGHT, image_width=WIDTH, feature_shape=shape)
        self.matcher = QAConv(head="uniform")
        self.traced_shapes = []
        self.dtype = dtype

    def extract(self, images):
        self.traced_shapes.append(tuple(images.shape))
        maps = tf.nn.avg_pool2d(tf.cast(images, self.dtype), 4, 4, "VALID")
        return tf.math.l2_normalize(maps, axis=-1)


@pytest.fixture
def dataset(tmp_path):
    """Nine images of three people under three cameras; noise makes every image its own."""
    generator = np.random.default_rng(30)
    records = []
    for camera in range(3):
        for identity, colour in COLOURS.items():
            path = tmp_path / f"{identity}_{camera}.png"
            pixels = np.clip(colour + generator.normal(0, 25, (HEIGHT, WIDTH, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
            records.append(ImageRecord(str(path), identity, camera))
    return ReidDataset("colours", train=(), query=tuple(records[:3]), gallery=tuple(records[3:]))


def read_images(records):
    return np.stack([np.asarray(Image.open(record.path), np.float32) / 255 for record in records])


def test_feature_maps_keep_the_order_and_are_traced_once(dataset):
    model, seen = ColourModel(), []
    records = (*dataset.gallery, *dataset.query)
    maps = extract_feature_maps(model, records, batch_size=4, progress=lambda *counts: seen.append(counts))
    assert model.traced_shapes == [(4, HEIGHT, WIDTH, 3)]
    assert seen == [(4, 9), (8, 9), (9, 9)]
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, model.extract(read_images(records)), atol=1e-6)


def test_feature_maps_of_fewer_records_than_a_batch(dataset):
    model = ColourModel(tf.bfloat16)
    maps = extract_feature_maps(model, dataset.query)
    assert (maps.shape, maps.dtype) == ((3, HEIGHT // 4, WIDTH // 4, 3), np.float32)
    assert model.traced_shapes == [(3, HEIGHT, WIDTH, 3)]


def test_matching(dataset):
    model, seen = ColourModel(), []
    result = Evaluator(dataset, batch_size=5).evaluate(model, progress=lambda *counts: seen.append(counts))
    query_maps, gallery_maps = (model.extract(read_images(part)) for part in (dataset.query, dataset.gallery))
    np.testing.assert_allclose(result.scores, model.matcher(query_maps, gallery_maps), rtol=1e-5, atol=1e-5)
    expected = evaluate_ranking(result.scores, dataset.query, dataset.gallery)
    np.testing.assert_array_equal(result.ranking.average_precision, expected.average_precision)
    assert result.ranking.rank1 == 1.0
    assert seen == [("extraction", 5, 9), ("extraction", 9, 9), ("matching", 3, 3)]
    assert set(result.seconds) == {"extraction", "matching", "ranking"} and min(result.seconds.values()) > 0
    assert result.pairs_per_second == pytest.approx(18 / result.seconds["matching"])


@pytest.mark.parametrize(("asked", "size"), [({"size": 2}, 2), ({"size": 9}, 9), ({"loss": 0.0, "sample": 2}, None)])
def test_short_lists(dataset, asked, size):
    model, seen = ColourModel(), []
    evaluator = Evaluator(dataset, seed=3, shortlist=Shortlist(**asked))
    result = evaluator.evaluate(model, progress=lambda *counts: seen.append(counts))
    maps = [model.extract(read_images(part)).numpy() for part in (dataset.query, dataset.gallery)]
    shortlist = result.processing["shortlist"]
    assert shortlist["coarse_shape"] == (4, 1) and json.dumps(result.to_results())
    if size is None:
        records = dataset.query, dataset.gallery
        size = choose_shortlist(model.matcher, *maps, *records, loss=0.0, sample=2, seed=3).size
        assert shortlist["num_sample"] == 2 and shortlist["curve"][-1]["size"] == 6
        assert result.amounts["choosing"] == evaluator.choosing_pairs == 12 and result.seconds["choosing"] > 0
        assert ("choosing the short list", 2, 2) in seen
    assert shortlist["size"] == size and result.scoring == "matching of short lists"
    np.testing.assert_allclose(result.scores, shortlist_scores(model.matcher, *maps, size), rtol=0, atol=1e-4)
    assert result.amounts["matching"] == 3 * min(size, 6)
    assert result.pairs_per_second == pytest.approx(3 * min(size, 6) / result.seconds["matching"])
    assert seen[-1] == ("matching", 3, 3)


def test_short_lists_are_refused_to_what_needs_all_scores(dataset):
    evaluator = Evaluator(dataset, shortlist=Shortlist(size=2))
    for steps, flag in ((({}, None), "--rerank"), ((None, {}), "--tlift")):
        with pytest.raises(UserError, match=f"Expected no {flag} with a short list: .* Received: both"):
            evaluator.evaluate_each(ColourModel(), ("matching",), None, *steps)


def test_short_lists_need_memory_and_pooled_scores_have_none(dataset):
    fixed, chosen = (Evaluator(dataset, shortlist=Shortlist(**asked)) for asked in ({"size": 2}, {"loss": 0.0}))
    coarse = 4 * 32 * 3 * 6
    backbone = ColourModel().backbone
    assert fixed.plan(backbone, ("matching",), False, False).memory["short list"] == coarse
    assert chosen.plan(backbone, ("matching",), False, False).memory["short list"] == coarse + 24 * 18
    assert "short list" not in fixed.plan(backbone, ("pooled",), False, False).memory
    assert fixed.evaluate(ColourModel(), "pooled").processing == {}


def test_pooled_is_the_cosine_of_mean_maps(dataset):
    model = ColourModel()
    result = Evaluator(dataset).evaluate(model, scoring="pooled")
    for row, query in enumerate(dataset.query):
        for column, gallery in enumerate(dataset.gallery):
            left, right = (model.extract(read_images([record])).numpy().mean((0, 1, 2)) for record in (query, gallery))
            cosine = left @ right / np.linalg.norm(left) / np.linalg.norm(right)
            assert result.scores[row, column] == pytest.approx(cosine, abs=1e-5)
    assert (result.scoring, result.engine, result.kernel, result.precision) == ("pooled", None, None, None)


def test_an_unknown_engine_is_refused_before_any_work(dataset):
    with pytest.raises(ValueError, match="engine='cuda'"):
        Evaluator(dataset, engine="cuda")


def test_engine_and_precision_are_passed_on(dataset, monkeypatch):
    received = {}
    scores = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)

    def fake_score_matrix(matcher, query_maps, gallery_maps, engine, precision, progress, threads, output):
        received.update(matcher=matcher, engine=engine, precision=precision, threads=threads)
        progress(2, 3)
        progress(3, 3)
        output[:] = scores

    monkeypatch.setattr("qaconv_tf.evaluation.evaluator.score_matrix", fake_score_matrix)
    model, seen = ColourModel(), []
    engines = {("auto", "bf16"): Engine("native", "bf16", "abacus")}
    monkeypatch.setattr("qaconv_tf.evaluation.evaluator.chosen_engine", lambda *asked: engines[asked])
    evaluator = Evaluator(dataset, precision="bf16", threads=3)
    result = evaluator.evaluate(model, progress=lambda *counts: seen.append(counts))
    assert received == {"engine": "native", "precision": "bf16", "matcher": model.matcher, "threads": 3}
    assert (result.engine, result.kernel, result.precision) == ("native", "abacus", "bf16")
    assert seen[1:] == [("matching", 2, 3), ("matching", 3, 3)]
    np.testing.assert_array_equal(result.scores, scores)


def test_results_are_json_and_say_what_made_them(dataset):
    result = Evaluator(dataset).evaluate(ColourModel())
    # Ranks that tell rank1, rank5 and rank10 apart.
    ranking = dataclasses.replace(result.ranking, first_relevant_rank=np.array([1.0, 4.0, 9.0]), num_gallery=20)
    result = dataclasses.replace(result, ranking=ranking)
    numbers = json.loads(json.dumps(result.to_results()))
    assert numbers == result.to_results()
    for name, value in {
        "dataset": "colours",
        "protocol": "market1501",
        "camera_filter": "same_identity",
        "scoring": "matching",
        "processing": {},
        "engine": chosen_engine().name,
        "kernel": chosen_engine().kernel,
        "precision": "fp32",
        "rank1": 1 / 3,
        "rank5": 2 / 3,
        "rank10": 1.0,
        "mAP": result.ranking.mAP,
        "mAP_trapezoid": result.ranking.mAP_trapezoid,
        "mINP": result.ranking.mINP,
        "average_precision": {"mAP": "step", "mAP_trapezoid": "trapezoid (Market-1501)"},
        "num_query": 3,
        "num_gallery": 20,
        "num_skipped": 0,
    }.items():
        assert numbers[name] == value, name


RERANKING = {"k1": 2, "k2": 2, "lambda_value": 0.4, "mode": "standard"}
LIFTING = {"tau": 50.0, "sigma": 30.0, "top_k": 2, "alpha": 0.3, "pivot": "multiset", "online": False}


@pytest.fixture
def timed(dataset):
    parts = {
        part: tuple(
            dataclasses.replace(record, timestamp=float(number**2))
            for number, record in enumerate(getattr(dataset, part))
        )
        for part in ("query", "gallery")
    }
    return dataclasses.replace(dataset, **parts)


def evaluate_steps(dataset, **steps):
    model, seen = ColourModel(), []
    model.matcher.build((None, 4, 2, 3), (None, 4, 2, 3))
    model.matcher.temperature.assign(0.2)
    results = Evaluator(dataset).evaluate_each(
        model, ("pooled", "matching"), lambda stage, done, total: seen.append((stage, done, total)), **steps
    )
    return model, results, [stage for stage, done, total in seen if done == total]


def test_what_was_matched_is_re_ranked_and_then_lifted(timed):
    model, results, stages = evaluate_steps(timed, reranking=RERANKING, lifting=LIFTING)
    names = [
        "pooled", "matching", "matching + temporal lifting", "matching + re-ranking",
        "matching + re-ranking + temporal lifting",
    ]  # fmt: skip
    assert [result.scoring for result in results] == names
    _, matching, lifted_alone, reranked, lifted = results
    maps = [model.extract(read_images(part)) for part in (timed.query, timed.gallery)]
    query_gallery, query_query, gallery_gallery = (
        1 / (1 + np.exp(model.matcher(maps[left], maps[right]).numpy() / 0.2))
        for left, right in ((0, 1), (0, 0), (1, 1))
    )
    expected = 1 - rerank(query_gallery, query_query, gallery_gallery, **RERANKING)
    np.testing.assert_allclose(reranked.scores, expected, atol=1e-5)
    assert np.abs(expected - (1 - query_gallery)).max() > 0.1
    expected = temporal_lifting(reranked.scores, timed.query, timed.gallery, **LIFTING)
    np.testing.assert_array_equal(lifted.scores, expected)
    expected = temporal_lifting(1 - query_gallery, timed.query, timed.gallery, **LIFTING)
    np.testing.assert_allclose(lifted_alone.scores, expected, rtol=1e-5)
    for result in results:
        ranking = evaluate_ranking(result.scores, timed.query, timed.gallery)
        np.testing.assert_array_equal(result.ranking.average_precision, ranking.average_precision)
        assert json.loads(json.dumps(result.to_results())) == result.to_results()
    assert matching.processing == {}
    temperature = {"temperature": pytest.approx(0.2)}
    assert reranked.processing == temperature | {"reranking": RERANKING}
    assert lifted.processing == temperature | {"reranking": RERANKING, "temporal_lifting": LIFTING}
    assert set(matching.seconds) == {"extraction", "matching", "ranking"}
    assert set(reranked.seconds) - set(matching.seconds) == {"more_matching", "reranking"}
    assert set(lifted.seconds) - set(reranked.seconds) == {"temporal_lifting"}
    assert stages == [
        "extraction", "matching", "temporal lifting", "matching the queries", "matching the gallery", "re-ranking",
        "temporal lifting of the re-ranked",
    ]  # fmt: skip


def test_lifting_alone_takes_the_probabilities(timed, monkeypatch):
    monkeypatch.setattr("qaconv_tf.evaluation.evaluator._ROWS_PER_BLOCK", 2)
    model, results, _ = evaluate_steps(timed, lifting=LIFTING)
    assert [result.scoring for result in results] == ["pooled", "matching", "matching + temporal lifting"]
    _, matching, lifted = results
    probabilities = 1 / (1 + np.exp(-matching.scores / 0.2))
    expected = temporal_lifting(probabilities, timed.query, timed.gallery, **LIFTING)
    np.testing.assert_allclose(lifted.scores, expected, rtol=1e-5)
    assert set(lifted.processing) == {"temperature", "temporal_lifting"}


def test_what_cannot_be_lifted_or_stored_is_refused_before_any_work(dataset, timed, monkeypatch):
    model = ColourModel()
    with pytest.raises(UserError, match="0 of 3 queries and 0 of 6 gallery images"):
        Evaluator(dataset).evaluate_each(model, ("matching",), lifting=LIFTING)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=4 * (9 + 36 + 18) - 1))
    # Tables of 3 x 3, 6 x 6 and 3 x 6 distances, and of 3 x 6 lifted ones; without re-ranking two of 3 x 6.
    sizes = [Evaluator(timed).temporary_bytes(*steps) for steps in ((True, True), (True, False), (False, True))]
    assert sizes == [4 * (9 + 36 + 2 * 18), 4 * (9 + 36 + 18), 4 * 2 * 18]
    Evaluator(timed).check(reranking=False, lifting=True)
    with pytest.raises(UserError, match="free space"):
        Evaluator(timed).evaluate_each(model, ("matching",), reranking=RERANKING)
    assert model.traced_shapes == []


def test_rules_of_the_ranking_are_passed_on(dataset):
    rules = {"protocol": "cuhk03_single_shot", "camera_filter": "none", "seed": 5}
    result = Evaluator(dataset, **rules).evaluate(ColourModel())
    expected = evaluate_ranking(result.scores, dataset.query, dataset.gallery, **rules)
    np.testing.assert_array_equal(result.ranking.first_relevant_rank, expected.first_relevant_rank)
    results = result.to_results()
    assert (results["protocol"], results["camera_filter"]) == ("cuhk03_single_shot", "none")
    one_camera = ReidDataset("one camera", train=(), query=dataset.query, gallery=dataset.query)
    assert Evaluator(one_camera, camera_filter="none").evaluate(ColourModel()).ranking.rank1 == 1.0


def test_a_data_set_that_cannot_be_evaluated_is_refused_before_any_work(dataset):
    with pytest.raises(UserError, match="Received: 3 queries, 0 gallery images"):
        Evaluator(ReidDataset("empty", train=(), query=dataset.query, gallery=()))
    with pytest.raises(UserError, match="no query has a right answer from another camera"):
        Evaluator(ReidDataset("one camera", train=(), query=dataset.query, gallery=dataset.query))


def test_unknown_scoring(dataset):
    with pytest.raises(ValueError, match="Expected a scoring of matching, pooled. Received: scoring='cosine'"):
        Evaluator(dataset).evaluate(ColourModel(), scoring="cosine")


def test_image_that_cannot_be_read_is_named(dataset):
    path = dataset.gallery[4].path
    with open(path, "r+b") as file:
        file.truncate(60)
    with pytest.raises(UserError, match=re.escape(path)) as caught:
        Evaluator(dataset, batch_size=2).evaluate(ColourModel())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_feature_map_that_is_not_finite_is_named(dataset, value):
    model = ColourModel()
    finite = model.extract
    bad = read_images(dataset.gallery[2:3])  # the second of the second batch
    model.extract = lambda images: tf.where(
        tf.reduce_all(tf.abs(images - bad) < 1e-6, axis=(1, 2, 3), keepdims=True), value, finite(images)
    )
    with pytest.raises(UserError, match=f"NaN or infinity for {re.escape(repr(dataset.gallery[2].path))} first"):
        Evaluator(dataset, batch_size=4).evaluate(model)


def test_other_errors_of_the_runtime_stay_as_they_are(dataset, monkeypatch):
    def broken_batches(*_):
        yield tf.debugging.check_numerics(tf.constant([1.0, np.inf]), "by the reader")

    monkeypatch.setattr("qaconv_tf.evaluation.extraction.evaluation_batches", broken_batches)
    with pytest.raises(tf.errors.InvalidArgumentError, match="by the reader"):
        extract_feature_maps(ColourModel(), dataset.query)
