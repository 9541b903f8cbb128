"""Why a report's pairs matched: what `qt.correspondences` says of each alone, counted from images of others."""

import numpy as np
import pytest

from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.explain import matches as module
from qaconv_tf.explain.references import choose_references
from tests.explain.small_run import small_run


@pytest.fixture(scope="module")
def run():
    return small_run()


def test_many_pairs_are_the_same_pairs_alone(run):
    matches = run.sections[0].matches
    assert len(matches.pairs) > 256  # more than a block
    for (row, column), number in list(matches.pairs.items())[::7]:
        found = run.correspondences(row, column)
        np.testing.assert_array_equal(matches.best[number], [found.best_of_query, found.best_of_gallery])
        np.testing.assert_allclose(matches.shares[number], [found.query_shares, found.gallery_shares], atol=1e-4)
        assert matches.constants[number] == pytest.approx(found.constant, abs=1e-4)
        score = matches.shares[number].sum() + matches.constants[number]
        assert score == pytest.approx(run.sections[0].result.scores[row, column], abs=1e-3)
        assert 1 / (1 + np.exp(-score / matches.temperature)) == pytest.approx(found.probability, abs=1e-4)


def test_blocks_change_nothing(run, monkeypatch):
    monkeypatch.setattr(module, "_PAIRS_PER_BLOCK", 5)
    matches, num_query = run.sections[0].matches, len(run.dataset.query)
    pairs = list(matches.pairs)[::11]
    maps = run.maps[:num_query], run.maps[num_query:]
    found = module.match_pairs(run.matcher, *maps, pairs, run.references)
    numbers = [matches.pairs[pair] for pair in pairs]
    assert list(found.pairs) == pairs and len(pairs) > 30
    np.testing.assert_array_equal(found.best, matches.best[numbers])
    np.testing.assert_allclose(found.shares, matches.shares[numbers], atol=1e-5)
    np.testing.assert_allclose(found.constants, matches.constants[numbers], atol=1e-5)


def records(generator, count, identities=6):
    return [ImageRecord(f"{n}.jpg", identity) for n, identity in enumerate(generator.integers(identities, size=count))]


@pytest.mark.parametrize("num_gallery", [9, 50])
def test_references_are_some_of_the_gallery_for_those_of_other_identities(num_gallery):
    generator = np.random.default_rng(65)
    query, gallery = records(generator, 12), records(generator, num_gallery)
    maps = generator.normal(size=(num_gallery, 2, 1, 3))
    found = choose_references(query, gallery, maps)
    places = [int(np.flatnonzero((maps == one).all(axis=(1, 2, 3)))[0]) for one in found.maps]
    assert len(set(places)) == len(places) == min(32, num_gallery)
    for others, seen in ((found.of_query, query), (found.of_gallery, gallery)):
        assert others.tolist() == [[gallery[at].identity != one.identity for at in places] for one in seen]
    np.testing.assert_array_equal(choose_references(query, gallery, maps).maps, found.maps)


def test_a_gallery_of_one_identity_has_no_references():
    query, gallery = [ImageRecord("q.jpg", 3)], [ImageRecord("a.jpg", 7), ImageRecord("b.jpg", 7)]
    assert choose_references(query, gallery, np.zeros((2, 2, 1, 3))) is None
