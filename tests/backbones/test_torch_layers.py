"""What differs from Keras's layers of the same name."""

import numpy as np
import tensorflow as tf

from qaconv_tf.backbones.torch_layers import BatchNormalization


def test_the_moving_variance_is_of_unbiased_variances_in_training_only():
    norm = BatchNormalization()
    norm.build((None, 2, 3, 4))
    call = tf.function(norm)
    mean, variance = np.zeros(4), np.ones(4)
    for seed in range(3):
        maps = np.random.default_rng([70, seed]).normal(2.0, 3.0, size=(2, 2, 3, 4)).astype(np.float32)
        flat = maps.reshape(-1, 4)
        normalized = call(maps, training=True).numpy().reshape(-1, 4)
        np.testing.assert_allclose(normalized, (flat - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-5), atol=1e-5)
        mean, variance = 0.9 * mean + 0.1 * flat.mean(0), 0.9 * variance + 0.1 * flat.var(0, ddof=1)
        np.testing.assert_allclose(norm.moving_mean, mean, rtol=1e-5)
        np.testing.assert_allclose(norm.moving_variance, variance, rtol=1e-5)
        call(maps, training=False)
    np.testing.assert_allclose(norm.moving_variance, variance, rtol=1e-5)
    norm.trainable = False
    norm(maps, training=True)
    np.testing.assert_allclose(norm.moving_variance, variance, rtol=1e-5)
