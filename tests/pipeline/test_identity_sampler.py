import collections
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qaconv_tf.errors import UserError
from qaconv_tf.pipeline import GroupSampler, IdentitySampler, RandomSampler

SEEDS = st.integers(0, 2**40)


def epoch_of(sampler, epoch):
    first = epoch * sampler.steps_per_epoch
    return [sampler(step) for step in range(first, first + sampler.steps_per_epoch)]


@st.composite
def image_lists(draw):
    """Labels with gaps and cameras, some unknown, of 1 to 8 identities with 1 to 7 images."""
    labels, cameras = [], []
    for label in draw(st.lists(st.integers(0, 50), min_size=1, max_size=8, unique=True)):
        of_label = draw(st.lists(st.none() | st.integers(0, 3), min_size=1, max_size=7))
        labels += [label] * len(of_label)
        cameras += of_label
    order = draw(st.permutations(range(len(labels))))
    return [labels[place] for place in order], [cameras[place] for place in order]


@st.composite
def identity_samplers(draw):
    labels, cameras = draw(image_lists())
    sampler = IdentitySampler(
        labels,
        cameras,
        identities_per_batch=draw(st.integers(1, len(set(labels)))),
        instances_per_identity=draw(st.integers(1, 6)),
        seed=draw(SEEDS),
    )
    return sampler, labels, cameras


def groups_of(sampler, step):
    """Record indices (P, K)."""
    return sampler(step).reshape(sampler.identities_per_batch, sampler.instances_per_identity)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(num_samples=st.integers(1, 60), data=st.data(), seed=SEEDS, epoch=st.integers(0, 1000))
def test_random_epoch_holds_no_record_twice(num_samples, data, seed, epoch):
    sampler = RandomSampler(num_samples, data.draw(st.integers(1, num_samples)), seed)
    batches = epoch_of(sampler, epoch)
    assert {batch.shape for batch in batches} == {(sampler.batch_size,)}
    indices = np.concatenate(batches)
    assert len(np.unique(indices)) == len(indices) == num_samples // sampler.batch_size * sampler.batch_size
    assert indices.min() >= 0 and indices.max() < num_samples


def test_random_sampler_leaves_no_record_out_for_ever():
    sampler = RandomSampler(num_samples=10, batch_size=7, seed=3)
    assert set(np.concatenate([sampler(step) for step in range(30)])) == set(range(10))


def make_random(seed):
    return RandomSampler(num_samples=50, batch_size=8, seed=seed)


def make_identity(seed):
    return IdentitySampler(np.arange(60) % 12, np.arange(60) % 5, 4, 2, seed=seed)


def make_group(seed):
    return GroupSampler(np.arange(60) % 12, 4, 2, seed=seed)


@pytest.mark.parametrize("make", [make_random, make_identity, make_group])
def test_batch_is_a_function_of_seed_and_step_alone(make):
    used, fresh, other = make(1), make(1), make(2)
    history = [used(step) for step in range(20)]
    for step in reversed(range(20)):
        np.testing.assert_array_equal(fresh(np.int64(step)), history[step])
    assert any(not np.array_equal(other(step), history[step]) for step in range(20))
    assert len({tuple(batch) for batch in history}) == 20


@settings(max_examples=60, deadline=None, derandomize=True)
@given(case=identity_samplers(), epoch=st.integers(0, 1000))
def test_epoch_visits_every_identity_once(case, epoch):
    sampler, labels, _ = case
    num_identities, per_batch = len(set(labels)), sampler.identities_per_batch
    assert sampler.steps_per_epoch == math.ceil(num_identities / per_batch)
    first = epoch * sampler.steps_per_epoch
    visits = []
    for step in range(first, first + sampler.steps_per_epoch):
        identities = [labels[group[0]] for group in groups_of(sampler, step)]
        assert len(set(identities)) == per_batch
        visits += identities
    assert len(set(visits[:num_identities])) == num_identities
    assert visits[num_identities:] == visits[: len(visits) - num_identities]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(case=identity_samplers(), step=st.integers(0, 1000))
def test_identity_gives_k_images_repeated_as_little_as_possible(case, step):
    sampler, labels, _ = case
    for group in groups_of(sampler, step):
        assert len({labels[index] for index in group}) == 1
        available = labels.count(labels[group[0]])
        counts = collections.Counter(group)
        assert len(counts) == min(available, len(group))
        assert max(counts.values()) == math.ceil(len(group) / len(counts))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(case=identity_samplers(), step=st.integers(0, 1000))
def test_identity_comes_from_as_many_cameras_as_possible(case, step):
    sampler, labels, cameras = case
    # An unknown camera counts as one of its own.
    names = [("unknown", index) if camera is None else camera for index, camera in enumerate(cameras)]
    for group in groups_of(sampler, step):
        available = {names[index] for index, label in enumerate(labels) if label == labels[group[0]]}
        assert len({names[index] for index in group}) == min(len(group), len(available))


def test_every_image_of_an_identity_is_drawn_in_time():
    sampler = IdentitySampler([0] * 9, [0, 0, 0, 0, 0, 0, 1, 1, 2], 1, 3, seed=0)
    assert set(np.concatenate([sampler(step) for step in range(60)])) == set(range(9))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(images=image_lists(), data=st.data(), instances=st.integers(1, 4), seed=SEEDS, epoch=st.integers(0, 1000))
def test_groups_of_an_epoch_hold_every_image_but_the_remainders(images, data, instances, seed, epoch):
    labels, _ = images
    sampler = GroupSampler(labels, data.draw(st.integers(1, len(set(labels)))), instances, seed)
    groups = [group for step in epoch_of(sampler, epoch) for group in step.reshape(-1, instances).tolist()]
    expected = {label: min(max(1, labels.count(label) // instances), sampler.batch_size) for label in labels}
    wanted = sum(expected.values())
    assert sampler.steps_per_epoch == math.ceil(wanted / sampler.identities_per_batch)
    assert groups[wanted:] == groups[: len(groups) - wanted]
    assert collections.Counter(labels[group[0]] for group in groups[:wanted]) == expected
    for group in groups:
        assert {labels[record] for record in group} == {labels[group[0]]}
        assert len(set(group)) == min(instances, labels.count(labels[group[0]]))
    once = [record for group in groups[:wanted] if labels.count(labels[group[0]]) >= instances for record in group]
    assert len(once) == len(set(once))


def test_groups_of_one_identity_may_meet_in_a_batch_and_every_image_has_its_turn():
    sampler = GroupSampler([0] * 7 + [1] * 3, 2, 2, seed=0)
    labels = [{int(record >= 7) for record in sampler(step)} for step in range(40)]
    assert {0} in labels and {0, 1} in labels
    assert set(np.concatenate([sampler(step) for step in range(40)])) == set(range(10))


def test_random_batch_larger_than_the_set():
    with pytest.raises(UserError, match="batch_size=8"):
        RandomSampler(num_samples=7, batch_size=8, seed=0)


def test_too_few_identities():
    with pytest.raises(UserError, match="1 to 2 identities.*identities_per_batch=3"):
        IdentitySampler([0, 0, 5], [0, 1, 0], identities_per_batch=3, instances_per_identity=2, seed=0)


def test_no_instances():
    with pytest.raises(UserError, match="instances_per_identity=0"):
        IdentitySampler([0, 1], [0, 1], identities_per_batch=2, instances_per_identity=0, seed=0)


def test_as_many_cameras_as_labels():
    with pytest.raises(ValueError, match="2 labels, 1 cameras"):
        IdentitySampler([0, 1], [0], identities_per_batch=2, instances_per_identity=1, seed=0)
