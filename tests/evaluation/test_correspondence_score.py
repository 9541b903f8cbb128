import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.correspondence_score import (
    MEASURES,
    RATES,
    LocationTruth,
    sample_pairs,
    score_correspondences,
    truth_of_locations,
)
from tests.oracles import correspondence_score as oracle


def random_image(generator, shape):
    """Parts and surface of an image: patches of a body, some of it carried, with background."""
    parts = np.repeat(np.repeat(generator.integers(0, 5, (4, 3)), 6, axis=0), 5, axis=1)[: shape[0], : shape[1]]
    parts = np.where(generator.random(parts.shape) < 0.3, generator.integers(0, 5, parts.shape), parts)
    surface = generator.normal(size=(*parts.shape, 3)).astype(np.float16)
    surface[(parts == 0) | (parts == 4)] = np.nan
    return parts.astype(np.uint8), surface


def random_truth(generator, locations, body=0.6):
    parts = np.where(generator.random(locations) < body, generator.integers(1, 4, locations), 0)
    places = generator.uniform(0, 0.25, (locations, 3))
    places[parts == 0] = np.nan
    return LocationTruth(parts, places, generator.uniform(-180, 540))


def random_pairs(seed, pairs=9, locations=12):
    generator = np.random.default_rng([61, seed])
    query, gallery = ([random_truth(generator, locations) for _ in range(pairs)] for _ in range(2))
    return generator.integers(0, locations, (pairs, locations)), query, gallery


# Divided evenly and not; more locations than pixels along an edge; halves and ties, which small locations have.
@pytest.mark.parametrize("shape", [(24, 15), (23, 13), (7, 5)])
@pytest.mark.parametrize("feature_shape", [(6, 3), (8, 4), (12, 7)])
def test_truth_equals_oracle(shape, feature_shape):
    parts, surface = random_image(np.random.default_rng([62, *shape, *feature_shape]), shape)
    truth = truth_of_locations(parts, surface, 12.0, feature_shape)
    assert truth.viewpoint == 12.0
    for location, (part, place) in enumerate(zip(truth.parts, truth.places, strict=True)):
        expected_part, expected_place = oracle.truth_of_location(parts, surface, feature_shape, location)
        assert part == expected_part
        assert np.isnan(place).all() if expected_place is None else place.tolist() == expected_place
    assert 0 < (truth.parts > 0).mean() < 1 and len(set(truth.parts.tolist())) >= 3


def test_nobody_is_seen():
    truth = truth_of_locations(np.zeros((4, 4), np.uint8), np.full((4, 4, 3), np.nan), 0.0, (2, 2))
    assert not truth.parts.any() and np.isnan(truth.places).all()


@pytest.mark.parametrize("seed", range(4))
def test_scores_equal_oracle(seed):
    best, query, gallery = random_pairs(seed, pairs=25)
    gallery[1] = random_truth(np.random.default_rng(0), 12, body=0.0)
    found = score_correspondences(best, query, gallery)
    expected = oracle.scores(best.tolist(), query, gallery)
    assert [bin[:2] for bin in expected] == list(zip(found.num_pairs, found.num_locations, strict=True))
    sums = [[[by_rate[measure][rate] for rate in RATES] for measure in MEASURES] for _, _, by_rate in expected]
    np.testing.assert_allclose(found.sums, sums, rtol=1e-12)
    assert found.num_pairs.all() and (found.sums.sum(axis=0) > 0).all()
    rows = found.to_rows()
    assert [row["viewpoint_change"] for row in rows] == ["all", "0-45", "45-90", "90-135", "135-180"]
    rate = sum(bin[2]["within_10_cm"]["matched"] for bin in expected) / sum(bin[1] for bin in expected)
    assert rows[0]["within_10_cm"]["matched"] == pytest.approx(rate)


@pytest.mark.parametrize(
    ("one", "other", "row"),
    [(350, 10, "0-45"), (0, 45, "45-90"), (10, 280, "90-135"), (0, 180, "135-180"), (720.0, -134.9, "90-135")],
)
def test_viewpoint_change_goes_round(one, other, row):
    best, (query,), (gallery,) = random_pairs(0, pairs=1)
    query, gallery = dataclasses.replace(query, viewpoint=one), dataclasses.replace(gallery, viewpoint=other)
    rows = score_correspondences(best, [query], [gallery]).to_rows()
    assert [found["viewpoint_change"] for found in rows] == ["all", row]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_rates_are_ordered(seed):
    for row in score_correspondences(*random_pairs(seed, pairs=3)).to_rows():
        for measure in MEASURES:
            rates = row[measure]
            assert 0 <= rates["chance_anywhere"] <= rates["chance"] <= rates["achievable"] <= 1
            assert rates["matched"] <= rates["achievable"]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_an_image_matched_with_itself_is_right(seed):
    _, images, _ = random_pairs(seed, pairs=3)
    itself = score_correspondences(np.tile(np.arange(12), (3, 1)), images, images).to_rows()
    assert all(row[measure]["matched"] == row[measure]["achievable"] == 1 for row in itself for measure in MEASURES)


def test_chance_is_what_random_matches_reach():
    _, query, gallery = random_pairs(5, pairs=4, locations=30)
    generator, drawn = np.random.default_rng(6), {"chance": [], "chance_anywhere": []}
    for _ in range(400):
        anywhere = generator.integers(0, 30, (4, 30))
        of_body = [generator.choice(np.nonzero(one.parts)[0], 30) for one in gallery]
        for name, best in (("chance", of_body), ("chance_anywhere", anywhere)):
            row = score_correspondences(best, query, gallery).to_rows()[0]
            drawn[name].append([row[measure]["matched"] for measure in MEASURES])
    for name, rates in drawn.items():
        expected, error = np.mean(rates, axis=0), np.std(rates, axis=0) / 20
        assert (np.abs([row[measure][name] for measure in MEASURES] - expected) < 4 * error).all()


def test_what_lies_without_the_body_counts_for_nothing():
    best, query, gallery = random_pairs(7)
    changed = np.where(np.stack([one.parts for one in query]) == 0, (best + 1) % 12, best)
    one, other = (score_correspondences(matched, query, gallery).to_rows() for matched in (best, changed))
    assert not np.array_equal(best, changed) and one == other


def test_a_best_for_each_pair_is_needed():
    best, query, gallery = random_pairs(8)
    with pytest.raises(ValueError, match="zip"):
        score_correspondences(best[1:], query, gallery)


def records(*pairs):
    return [ImageRecord(f"{number}.jpg", *pair) for number, pair in enumerate(pairs)]


def test_pairs_are_of_one_person_and_two_cameras():
    query, gallery = records((1, 0), (2, 1), (3, 0), (4, None)), records((1, 0), (1, 1), (2, 1), (4, 1), (0, 1), (2, 0))
    every = [(0, 1), (1, 5), (3, 3)]
    assert sample_pairs(query, gallery, 10) == every
    samples = {tuple(sample_pairs(query, gallery, 2, seed)) for seed in range(20)}
    assert len(samples) == 3 and all(len(set(sample) & set(every)) == 2 for sample in samples)
    assert sample_pairs(query, gallery, 2, 5) == sample_pairs(query, gallery, 2, 5)
    with pytest.raises(UserError, match="another camera"):
        sample_pairs(query[2:3], gallery, 10)
