import math

import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf import losses
from tests.oracles import losses as oracle

LOG2 = math.log(2)


def random_scores(seed, rows, columns):
    return np.random.default_rng([50, seed]).normal(scale=3.0, size=(rows, columns)).astype(np.float32)


def random_labels(seed, number, classes):
    return np.random.default_rng([51, seed]).integers(classes, size=number).tolist()


def loss_and_gradient(loss, scores):
    scores = tf.constant(scores)
    with tf.GradientTape() as tape:
        tape.watch(scores)
        value = loss(scores)
    return float(value), tape.gradient(value, scores).numpy()


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.5])
@pytest.mark.parametrize("masked", [False, True])
def test_class_memory_loss_equals_the_loops(masked, gamma):
    scores, labels = random_scores(0, 5, 9), random_labels(0, 5, 9)
    counted = np.random.default_rng(52).uniform(size=9) < 0.6 if masked else None
    assert not masked or 0 < sum(counted) < 9
    found = losses.class_memory_loss(scores, labels, counted, gamma)
    assert float(found) == pytest.approx(oracle.class_memory_loss(scores.tolist(), labels, counted, gamma), rel=1e-5)


def test_class_memory_loss_by_hand():
    # sigmoid(log 3) = 3/4 for the right class: (1/4)^2 x -log(3/4). For the wrong one sigmoid(-log 7) = 1/8:
    # (1/8)^2 x -log(7/8). The second image, with both scores 0: (1/2)^2 log 2 for each class. Mean of the two sums.
    scores = [[math.log(3), -math.log(7)], [0.0, 0.0]]
    first = math.log(4 / 3) / 16 + math.log(8 / 7) / 64
    assert float(losses.class_memory_loss(scores, [0, 1])) == pytest.approx((first + LOG2 / 2) / 2)
    # Without the wrong class of the first image, which is the right one of the second.
    only = losses.class_memory_loss(scores, [0, 1], counted=tf.constant([True, False]))
    assert float(only) == pytest.approx((math.log(4 / 3) / 16 + LOG2 / 4) / 2)


def test_gamma_zero_is_cross_entropy():
    scores, labels = random_scores(1, 4, 6), random_labels(1, 4, 6)
    right = np.eye(6, dtype=np.float32)[labels]
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(right, scores)
    found, gradient = loss_and_gradient(lambda x: losses.class_memory_loss(x, labels, gamma=0.0), scores)
    assert found == pytest.approx(float(tf.reduce_sum(entropy)) / 4, rel=1e-6)
    np.testing.assert_allclose(gradient, (1 / (1 + np.exp(-scores)) - right) / 4, atol=1e-6)


def test_classes_not_counted_have_neither_loss_nor_gradient():
    scores, labels = random_scores(2, 3, 4), [0, 1, 2]
    nothing, gradient = loss_and_gradient(lambda x: losses.class_memory_loss(x, labels, np.zeros(4, bool)), scores)
    assert nothing == 0 and not gradient.any()
    counted = np.array([True, False, True, False])
    _, gradient = loss_and_gradient(lambda x: losses.class_memory_loss(x, labels, counted), scores)
    np.testing.assert_array_equal((gradient != 0).any(axis=0), counted)


def test_pairwise_matching_loss_equals_the_loops():
    scores, labels = random_scores(3, 7, 7), random_labels(3, 7, 3)
    found = losses.pairwise_matching_loss(scores, labels)
    assert float(found) == pytest.approx(oracle.pairwise_matching_loss(scores.tolist(), labels), rel=1e-5)


def test_pairwise_matching_loss_by_hand():
    # (0, 1) is one identity and scores 0: log 2. The pairs with image 2 score log 3 and are wrong: -log(1 - 3/4) =
    # 2 log 2. Each image with itself is right: -log(1/2) for the first, next to nothing for the others. Two pairs of
    # the first kind, four of the second, over three images: (2 + 4 x 2 + 1) log 2 / 3.
    scores = [[0.0, 0.0, math.log(3)], [0.0, 99.0, math.log(3)], [math.log(3), math.log(3), 99.0]]
    assert float(losses.pairwise_matching_loss(scores, [4, 4, 9])) == pytest.approx(11 / 3 * LOG2)


@pytest.mark.parametrize("margin", [0.5, 16.0])
@pytest.mark.parametrize("seed", range(4))
def test_hard_triplet_loss_equals_the_loops(seed, margin):
    scores, labels = random_scores(seed, 8, 8), random_labels(seed, 8, 4)
    found = losses.hard_triplet_loss(scores, labels, margin)
    assert float(found) == pytest.approx(oracle.hard_triplet_loss(scores.tolist(), labels, margin), rel=1e-5)


def test_hard_triplet_loss_by_hand():
    scores = [[99.0, 5.0, 2.0, 1.0], [6.0, 99.0, 3.0, 0.0], [4.0, 1.0, 99.0, 8.0], [2.0, 7.0, 9.0, 99.0]]
    # Margin 3, labels 1 1 1 2. Row 0: lowest of (5, 2), highest of (1): 3 - 2 + 1 = 2. Row 1: 3 - min(6, 3) + 0 = 0.
    # Row 2: 3 - min(4, 1) + 8 = 10. Row 3 has no second image of its label. Mean of three.
    assert float(losses.hard_triplet_loss(scores, [1, 1, 1, 2], margin=3.0)) == pytest.approx(4.0)
    lowest, highest, has_both = losses.hardest_scores(scores, [1, 1, 1, 2])
    assert has_both.numpy().tolist() == [True, True, True, False]
    assert lowest.numpy()[:3].tolist() == [2, 3, 1] and highest.numpy()[:3].tolist() == [1, 0, 8]


@pytest.mark.parametrize("labels", [[1, 2, 3], [1, 1, 1]])
def test_hard_triplet_loss_without_a_triplet_is_zero(labels):
    value, gradient = loss_and_gradient(lambda x: losses.hard_triplet_loss(x, labels), random_scores(5, 3, 3))
    assert value == 0 and not gradient.any() and np.isfinite(gradient).all()
    assert not losses.hardest_scores(random_scores(5, 3, 3), labels)[2].numpy().any()


@pytest.mark.parametrize(
    "loss",
    [
        lambda scores: losses.class_memory_loss(scores, [0, 1, 0, 2], counted=tf.constant([True, True, True, False])),
        lambda scores: losses.class_memory_loss(scores, [0, 1, 0, 2], gamma=0.5),
        lambda scores: losses.pairwise_matching_loss(scores, [0, 1, 0, 2]),
        lambda scores: losses.hard_triplet_loss(scores, [0, 1, 0, 2]),
    ],
    ids=["class_memory", "class_memory_root", "pairwise", "triplet"],
)
def test_extreme_scores_have_finite_losses_and_gradients(loss):
    for seed in range(4):
        extreme = np.random.default_rng([53, seed]).choice(np.float32([-1e4, 0, 1e4]), size=(4, 4))
        value, gradient = loss_and_gradient(loss, extreme)
        assert np.isfinite(value) and np.isfinite(gradient).all() and gradient.any()


def test_losses_are_the_same_when_compiled_and_from_half_precision():
    scores, labels = random_scores(6, 4, 4), tf.constant([0, 1, 0, 1])
    for loss in (losses.class_memory_loss, losses.pairwise_matching_loss, losses.hard_triplet_loss):
        rounded = tf.cast(scores, tf.bfloat16)
        value = loss(rounded, labels)
        assert value.dtype == tf.float32
        np.testing.assert_allclose(value, loss(tf.cast(rounded, tf.float32), labels))
        np.testing.assert_allclose(tf.function(loss, jit_compile=True)(scores, labels), loss(scores, labels), rtol=1e-5)
