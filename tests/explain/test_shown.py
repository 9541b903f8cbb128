"""What a report shows of many queries and answers, and that it stays small."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest

from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.evaluation.ranking import evaluate_ranking
from qaconv_tf.explain import shown as module
from qaconv_tf.explain import thumbnails as thumbnails_module
from qaconv_tf.explain.failures import mutual_strangers
from qaconv_tf.explain.matches import Matches, bytes_of_pair
from qaconv_tf.explain.shown import ReportLimits, pairs_of, shown_queries

PER_IMAGE = 7000


def case(num_query=60, num_gallery=120, seed=0):
    generator = np.random.default_rng([63, seed])
    query = [ImageRecord(f"q{n}.jpg", int(generator.integers(8)), 0) for n in range(num_query)]
    gallery = [ImageRecord(f"g{n}.jpg", int(generator.integers(8)), 1) for n in range(num_gallery)]
    results = []
    for _ in range(2):
        scores = generator.normal(size=(num_query, num_gallery)).astype(np.float32)
        results.append(SimpleNamespace(scores=scores, ranking=evaluate_ranking(scores, query, gallery)))
    return results, query, gallery


@pytest.fixture(autouse=True)
def thumbnails(monkeypatch):
    """The images are none; their thumbnails would take so many bytes."""
    monkeypatch.setattr(module, "typical_bytes", lambda paths: PER_IMAGE)


def test_of_few_queries_all_are_shown_with_all_their_right_answers():
    results, query, gallery = case()
    shown = shown_queries(results, query, gallery, ReportLimits(queries=60, answers=5))
    assert [one.row for one in shown] == list(range(60))
    for one in shown:
        right = {column for column, record in enumerate(gallery) if record.identity == query[one.row].identity}
        for result, answers in zip(results, one.answers, strict=True):
            first = set(np.argsort(-result.scores[one.row])[:5].tolist())
            assert {answer.column for answer in answers} == first | right
    pairs = pairs_of(shown)
    assert len(pairs) == len(set(pairs)) == sum(len(one.columns) for one in shown)


@pytest.mark.parametrize("number", [1, 2, 7, 20, 59])
def test_of_many_queries_the_worst_the_suspected_and_others_evenly(number):
    results, query, gallery = case()
    rows = [one.row for one in shown_queries(results, query, gallery, ReportLimits(queries=number))]
    assert len(rows) == len(set(rows)) == number and rows == sorted(rows)
    order = np.argsort(results[0].ranking.average_precision)
    assert set(order[: number // 4].tolist()) <= set(rows)
    strangers = [one.row for one in mutual_strangers(results[0].scores, query, gallery)]
    assert set(strangers[: number // 4]) <= set(rows)
    if number >= 20:
        assert {order[-1], order[30]} & set(rows)


@pytest.mark.parametrize("num_datasets", [1, 3])
def test_right_answers_are_left_out_where_the_file_would_be_too_large(monkeypatch, num_datasets):
    results, query, gallery = case()
    limits = ReportLimits(answers=3)
    everything = pairs_of(shown_queries(results, query, gallery, limits, locations=192))
    room = 180 * PER_IMAGE + len(everything) // 2 * bytes_of_pair(192)
    monkeypatch.setattr(module, "REPORT_BYTES", num_datasets * room)
    shown = shown_queries(results, query, gallery, limits, 192, num_datasets)
    pairs = pairs_of(shown)
    assert 60 * 3 <= len(pairs) < len(everything)
    columns = {column for _, column in pairs}
    assert (60 + len(columns)) * PER_IMAGE + len(pairs) * bytes_of_pair(192) <= room
    for one in shown:
        for answers in one.answers:
            ranks = [answer.rank for answer in answers]
            assert ranks[:3] == [1, 2, 3] and ranks == sorted(ranks)


@pytest.mark.parametrize("number", [1, 15, 16, 17, 100])
def test_thumbnails_are_reckoned_by_some_of_them(monkeypatch, number):
    made = []
    monkeypatch.setattr(thumbnails_module, "thumbnail", lambda path: made.append(path) or "x" * path)
    assert thumbnails_module.typical_bytes(list(range(number))) == sum(made) // len(made)
    assert len(made) <= 16 and made[0] == 0 and made[-1] >= 0.9 * (number - 1)


@pytest.mark.parametrize("locations", [(16, 16), (30, 20)])
def test_a_pair_takes_as_many_bytes_as_reckoned_and_keeps_its_shares(locations):
    generator = np.random.default_rng(64)
    number = locations[0] * locations[1]
    shares = generator.normal(size=(5, 2, number)).astype(np.float32)
    best = generator.integers(number, size=(5, 2, number))
    page = Matches({}, locations, best, shares, generator.normal(size=5), 10.0).to_page()
    assert len(page["best"]) + len(page["shares"]) <= 5 * bytes_of_pair(number)
    kept = np.frombuffer(base64.b64decode(page["shares"]), "<i2").reshape(shares.shape)
    units = np.array(page["unit"])[:, None, None]
    assert (np.abs(kept * units - shares) <= 0.5001 * units + 1e-5 * np.abs(shares)).all()
    places = np.frombuffer(base64.b64decode(page["best"]), "u1" if number <= 256 else "<u2")
    assert (places.reshape(best.shape) == best).all()
    np.testing.assert_allclose(page["totals"], shares.sum(axis=2), atol=1e-4)
