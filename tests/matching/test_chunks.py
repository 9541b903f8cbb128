import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from qaconv_tf.matching.chunks import Chunks


@given(st.integers(1, 9), st.integers(1, 12), st.integers(1, 3))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_equal_the_loops(num_gallery, size, num_query):
    random = np.random.default_rng([num_gallery, size])
    values = random.normal(size=(num_query, num_gallery)).astype(np.float32)
    chunks = Chunks(num_gallery, size)
    parts = [values[:, first : first + size] for first in range(0, num_gallery, size)]
    means = np.array([part.mean() for part in parts])
    np.testing.assert_allclose(np.reshape(chunks.mean(tf.constant(values)), -1), means, rtol=1e-5, atol=1e-6)
    assert np.reshape(chunks.sizes(values.T), -1).tolist() == [part.shape[1] for part in parts]
    spread = np.concatenate([np.repeat(mean, part.shape[1]) for mean, part in zip(means, parts, strict=True)])
    found = chunks.spread(tf.constant(means if len(parts) > 1 else means[0]))
    np.testing.assert_array_equal(np.broadcast_to(found, num_gallery), spread)
    np.testing.assert_array_equal(
        np.reshape(chunks.last(tf.constant(values.T)), [-1, num_query]), [part[:, -1] for part in parts]
    )


def test_an_unknown_number_of_images_is_one_chunk():
    chunks = Chunks(None, 2)
    assert float(chunks.mean(tf.constant([[1.0, 2.0, 6.0]]))) == 3.0
    assert float(chunks.spread(5.0)) == 5.0
    assert int(chunks.sizes(np.zeros((3, 4)))) == 3
