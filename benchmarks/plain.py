"""What QAConv computes, as anyone would write it first: one einsum, two maxima, no tiles, TensorFlow's gradients."""

import tensorflow as tf


def plain_scores(matcher, query_maps, gallery_maps, training):
    """The scores of a `QAConv` with `head="shared"`, without its moving statistics' update."""
    query, gallery = (tf.reshape(maps, [len(maps), -1, maps.shape[-1]]) for maps in (query_maps, gallery_maps))
    responses = tf.einsum("psc,grc->pgsr", query, gallery)  # (num_query, num_gallery, locations, locations)
    maxima = tf.stack([tf.reduce_max(responses, 3), tf.reduce_max(responses, 2)], axis=2)
    maxima = _normalize(maxima, matcher.location_normalization, training)
    logits = tf.reduce_sum(tf.linalg.matvec(maxima, matcher.location_weights[0]) + matcher.bias, axis=2)
    return _normalize(logits, matcher.score_normalization, training)


def _normalize(x, normalization, training):
    mean, variance = normalization.moving_mean.value, normalization.moving_variance.value
    if training:
        mean, variance = tf.reduce_mean(x), tf.math.reduce_variance(x)
    return normalization.scale * (x - mean) * tf.math.rsqrt(variance + normalization.epsilon) + normalization.offset


def random_maps(seed, number, shape=(24, 8, 128)):
    """Random unit vectors at every location, `(number, height, width, channels)`."""
    maps = tf.random.stateless_normal([number, *shape], [7, seed])
    return maps / tf.norm(maps, axis=-1, keepdims=True)
