import re
from types import SimpleNamespace

import numpy as np
import pytest

from qaconv_tf.commands import costs
from qaconv_tf.matching.qaconv import QAConv
from qaconv_tf.matching.score_matrix import Engine


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(costs.time, "perf_counter", lambda: now.seconds)
    return now


@pytest.fixture
def evaluator():
    """Of 1,000 queries and 9,000 gallery images; re-ranking matches all pairs among each."""
    dataset = SimpleNamespace(query=range(1000), gallery=range(9000))
    return SimpleNamespace(
        num_images=10_000, num_pairs=9_000_000, dataset=dataset, threads=None, engine=Engine("xla", "fp32", None),
        reranking_pairs=lambda matcher: 82_000_000, shortlist=None, choosing_pairs=0,
    )  # fmt: skip


def predict(monkeypatch, evaluator, scorings=("matching",), reranking=False, lifting=False):
    monkeypatch.setattr(costs, "_trial", lambda matcher, evaluator: 10_000.0)
    return costs.TimePrediction(SimpleNamespace(matcher=None), [evaluator, evaluator], scorings, reranking, lifting)


def test_extraction_is_predicted_from_the_batches_after_the_first(monkeypatch, clock, evaluator):
    prediction = predict(monkeypatch, evaluator)
    lines = []
    # The first batch takes a minute to compile, the others 2 s for 50 images each.
    for done, seconds in ((50, 60), (100, 62), (150, 64), (200, 66), (250, 68)):
        clock.seconds = float(seconds)
        lines.append(prediction.after("extraction", done, 10_000))
    assert [line is None for line in lines] == [True, True, True, False, True]
    # 20,000 images at 25 a second are 800 s, 18 million pairs at 10,000 a second 1,800 s.
    assert lines[3] == (
        "predicted: 43 min in all: extraction 13 min at 25 images/s, matching 30 min at 10,000 pairs/s, the rest 0 s"
    )
    assert prediction.after("matching", 1, 1000) is None


def test_short_lists_take_at_most_what_all_pairs_and_the_sample_do(monkeypatch, evaluator):
    evaluator.shortlist, evaluator.choosing_pairs = "any", 1_800_000
    assert "matching at most 36 min at 10,000 pairs/s" in predict(monkeypatch, evaluator).after("extraction", 9, 9)


def test_every_step_counts(monkeypatch, evaluator):
    plain, lifted, reranked, both, pooled = (
        predict(monkeypatch, evaluator, *steps).after("extraction", 9, 9)
        for steps in (
            (("matching",), False, False), (("matching",), False, True), (("matching",), True, False),
            (("matching",), True, True), (("pooled",), False, False),
        )
    )  # fmt: skip
    assert "matching 30 min" in plain and "matching 30 min" in lifted
    # (9 + 82) million pairs, twice.
    assert "matching 5.1 h" in reranked and "predicted: 5.1 h" in both
    rests = [int(re.search(r"the rest (\d+) s", line)[1]) for line in (pooled, plain, lifted, reranked, both)]
    assert rests == [0, 0, 2, 6, 9]
    assert "matching" not in pooled and "extraction" not in pooled


def test_the_trial_asks_the_evaluators_engine(clock, monkeypatch, evaluator):
    asked = []

    def score_matrix(matcher, query_maps, gallery_maps, engine, precision, threads):
        asked.append((np.shape(query_maps), np.shape(gallery_maps), engine, precision, threads))
        clock.seconds += 3.0 if len(asked) == 1 else 0.5  # the first compiles

    monkeypatch.setattr(costs, "score_matrix", score_matrix)
    matcher = QAConv()
    matcher.build((None, 4, 2, 3), (None, 4, 2, 3))
    evaluator.dataset = SimpleNamespace(query=range(10), gallery=range(9000))
    num_gallery = costs._TRIAL[1]
    assert costs._trial(matcher, evaluator) == 10 * num_gallery / 0.5
    assert asked == 2 * [((10, 4, 2, 3), (num_gallery, 4, 2, 3), "xla", "fp32", None)]
