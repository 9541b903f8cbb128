import numpy as np
import tensorflow as tf

from qaconv_tf.matching.scalar_normalization import ScalarNormalization


def test_several_batches_at_once_are_recorded_in_turn():
    random = np.random.default_rng(0)
    means, variances = random.normal(size=5).astype(np.float32), random.uniform(0.5, 2, size=5).astype(np.float32)
    counts = tf.constant([2, 3, 9, 1, 4])
    together, in_turn = ScalarNormalization(momentum=0.7), ScalarNormalization(momentum=0.7)
    found = together(tf.constant(means), tf.constant(variances), counts, training=True)
    wanted = [in_turn(*one, training=True) for one in zip(means, variances, counts, strict=True)]
    np.testing.assert_allclose(np.transpose(found), wanted, rtol=1e-6)
    for one, other in zip(together.variables, in_turn.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, err_msg=one.path)
    evaluated = together(tf.constant(means), tf.constant(variances), counts, training=False)
    assert [one.shape.rank for one in evaluated] == [0, 0]
