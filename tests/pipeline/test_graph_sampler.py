import collections
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qaconv_tf.errors import UserError
from qaconv_tf.pipeline import GraphSampler
from qaconv_tf.pipeline.graph_sampler import nearest

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"


class Table:
    """Distances between all records; notes what it is asked for."""

    def __init__(self, num_records, seed):
        self.table = np.random.default_rng(seed).uniform(size=(num_records, num_records)).astype(np.float32)
        self.asked = []

    def __call__(self, records):
        self.asked.append(records)
        return self.table[np.ix_(records, records)]


@st.composite
def samplers(draw):
    labels = []
    for label in draw(st.lists(st.integers(0, 50), min_size=1, max_size=8, unique=True)):
        labels += [label] * draw(st.integers(1, 7))
    labels = draw(st.permutations(labels))
    per_batch = draw(st.integers(1, len(set(labels))))
    table = Table(len(labels), draw(st.integers(0, 99)))
    return GraphSampler(labels, per_batch, draw(st.integers(1, 5)), draw(st.integers(0, 2**40)), table), labels, table


def batches_of(graph):
    return [graph(graph.first_step + step) for step in range(graph.steps_per_epoch)]


@settings(max_examples=50, deadline=None, derandomize=True)
@given(case=samplers(), epoch=st.integers(0, 1000), first_step=st.integers(0, 10**6))
def test_every_identity_is_the_centre_of_one_batch_with_its_nearest(case, epoch, first_step):
    sampler, labels, table = case
    graph = sampler.epoch(epoch, first_step)
    (representatives,) = table.asked
    identities = sorted(set(labels))
    assert [labels[record] for record in representatives] == identities
    centers = []
    for batch in batches_of(graph):
        assert len(batch) == graph.batch_size == sampler.identities_per_batch * sampler.instances_per_identity
        groups = batch.reshape(sampler.identities_per_batch, -1)
        visited = [identities.index(labels[group[0]]) for group in groups]
        assert all({labels[record] for record in group} == {labels[group[0]]} for group in groups)
        center, *others = visited
        centers.append(center)
        distance = {other: graph.distances[center, other] for other in range(len(identities)) if other != center}
        assert others == sorted(distance, key=distance.get)[: len(others)]
    assert sorted(centers) == list(range(len(identities)))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(case=samplers())
def test_images_are_dealt_out_before_any_comes_again(case):
    sampler, labels, _ = case
    counts = collections.Counter(np.concatenate(batches_of(sampler.epoch(2, 0))).tolist())
    for identity in set(labels):
        of_identity = [counts[record] for record, label in enumerate(labels) if label == identity]
        assert max(of_identity) - min(of_identity) <= 1


def make(seed, table_seed=1):
    labels = np.arange(60) % 12
    return GraphSampler(labels, 4, 2, seed, Table(60, table_seed))


def test_an_epoch_is_a_function_of_seed_epoch_and_distances_alone():
    used, fresh = make(1), make(1)
    history = [used.epoch(epoch, 0).batches for epoch in range(6)]
    for epoch in reversed(range(6)):
        np.testing.assert_array_equal(fresh.epoch(epoch, 0).batches, history[epoch])
    assert len({batches.tobytes() for batches in history}) == 6
    assert not np.array_equal(make(2).epoch(0, 0).batches, history[0])
    assert not np.array_equal(make(1, table_seed=2).epoch(0, 0).neighbors, make(1).epoch(0, 0).neighbors)


def test_the_steps_of_an_epoch_begin_where_it_does():
    graph = make(1).epoch(3, first_step=40)
    np.testing.assert_array_equal(graph(40), graph.batches[0])
    np.testing.assert_array_equal(graph(np.int64(51)), graph.batches[11])
    np.testing.assert_array_equal(graph(52), graph.batches[0])


def test_any_image_may_stand_for_its_identity():
    sampler = make(1)
    for epoch in range(40):
        sampler.epoch(epoch, 0)
    assert {record for asked in sampler.distances.asked for record in asked.tolist()} == set(range(60))


@pytest.mark.parametrize(("tag", "table"), [("v2.0", "sorted"), ("v2.1", "distances")])
@pytest.mark.parametrize("kind", ["symmetric", "nearly_symmetric", "asymmetric"])
def test_neighbours_are_those_of_the_official_sampler(kind, tag, table):
    with np.load(GOLDEN / f"graph_sampler_{tag}.npz") as golden:
        distances, expected = golden[f"{kind}/{table}"], golden[f"{kind}/neighbors"]
    per_batch = expected.shape[1] + 1
    sampler = GraphSampler(np.arange(len(distances)), per_batch, 1, 0, lambda records: distances)
    np.testing.assert_array_equal(sampler.epoch(0, 0).neighbors, expected)


def test_of_equally_near_ones_the_first_comes_first():
    assert nearest(np.zeros((4, 4)), 2).tolist() == [[1, 2], [0, 2], [0, 1], [0, 1]]


def test_distances_of_another_number_are_refused():
    sampler = GraphSampler([0, 1, 2], 2, 1, 0, lambda records: np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"3 identities. Received: shape \(2, 3\)"):
        sampler.epoch(0, 0)


def test_too_few_identities():
    with pytest.raises(UserError, match="identities_per_batch=3"):
        GraphSampler([0, 0, 5], 3, 2, 0, np.zeros)
