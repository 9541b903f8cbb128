"""The tiled heart of query-adaptive convolution: every pair's location maxima, reduced to three numbers a pair.

A pair's response is a (locations x locations) matrix of cosines; its row and column maxima are all that the matcher
needs, and of these only a weighted sum (the score before normalisation), the mean and the variance (for BatchNorm over
all maxima). So a tile of responses is made, reduced and dropped, in the forward pass and again in the backward pass;
only (num_query, num_gallery) numbers outlive it.
"""

import functools

import tensorflow as tf

# Measured at 24 x 8 x 128: tiles of 4 to 16 MB are equally fast; larger ones fall out of the processor's cache.
DEFAULT_TILE_BYTES = 8 * 2**20


def pair_statistics(
    query, gallery, query_weights, gallery_weights, center, tile_bytes=DEFAULT_TILE_BYTES, jit_compile=True,
    gallery_gradient=True,
):
    """Returns, for each pair, the weighted sum, the mean and the variance of its location maxima.

    With `m1[s]` the best response of query location `s` over all gallery locations, `m2[r]` the best response of
    gallery location `r` over all query locations, and `d = m - center`:
    `weighted_sum = sum_s query_weights[s] d1[s] + sum_r gallery_weights[r] d2[r]`; mean and variance are over all
    `2 x locations` values of `d`.

    Gradients recompute a tile and pass to the best locations only; exact ties share the gradient evenly, as in
    `tf.reduce_max`.

    Args:
        query: float32, `(num_query, locations, channels)`.
        gallery: float32, `(num_gallery, locations, channels)`.
        query_weights: float32, `(locations,)`.
        gallery_weights: float32, `(locations,)`.
        center: float32 scalar, subtracted from every maximum. In float32 the maxima of unlike images differ in
            the third digit, so sums of them lose five bits that sums of differences keep. Not differentiated.
        tile_bytes: int. Largest tile of responses held at a time (one gallery image at least).
        jit_compile: bool. Compile forward and backward pass with XLA. `False` for export.
        gallery_gradient: bool. `False` saves a third of the backward pass where the gallery is a memory.

    Returns:
        Three tensors `(num_query, num_gallery)`: weighted sum, mean, variance.
    """
    forward, backward = _compiled() if jit_compile else (_forward, _backward)
    if not jit_compile and None in (query.shape[0], gallery.shape[0]):
        forward = _forward_unknown_sizes
    # A tensor, never a variable: the compiled functions would keep a version, and a compilation, for each variable.
    center = tf.stop_gradient(center)

    @tf.custom_gradient
    def statistics(*inputs):
        # Without the stop, an eager tape would look inside the compiled function, which XLA does not allow.
        inputs = (*(tf.stop_gradient(x) for x in inputs), center)

        def gradient(*upstream):
            query_gradient, weight_gradients, by_gallery = backward(*inputs, *upstream, tile_bytes, gallery_gradient)
            return query_gradient, by_gallery if gallery_gradient else None, *weight_gradients

        return forward(*inputs, tile_bytes), gradient

    return statistics(query, gallery, query_weights, gallery_weights)


@functools.cache
def _compiled():
    compile_function = functools.partial(tf.function, jit_compile=True, autograph=False)
    return compile_function(_forward), compile_function(_backward)


def _forward(query, gallery, query_weights, gallery_weights, center, tile_bytes):
    def tile_statistics(tile):
        return _reduce(_respond(query, tile), query_weights, gallery_weights, center)[:3]

    tiles = _split(gallery, 0, _tile_size(query, gallery, tile_bytes))
    outputs = tf.map_fn(tile_statistics, tiles, fn_output_signature=(tf.float32,) * 3)
    return tuple(_join(output, 1)[:, : _length(gallery, 0)] for output in outputs)


def _forward_unknown_sizes(query, gallery, query_weights, gallery_weights, center, tile_bytes):
    """As `_forward`, with shapes that XLA does not allow instead of lists of tensors that TFLite does not.

    The last tile is smaller, the outputs grow tile by tile, and there may be no tile at all.
    """
    tile_size = _tile_size(query, gallery, tile_bytes)

    def add_tile(first, *outputs):
        responses = _respond(query, gallery[first : first + tile_size])
        of_tile = _reduce(responses, query_weights, gallery_weights, center)[:3]
        return first + tile_size, *(tf.concat(pair, 1) for pair in zip(outputs, of_tile, strict=True))

    nothing = tf.zeros([_length(query, 0), 0])
    _, *outputs = tf.while_loop(
        lambda first, *_: first < _length(gallery, 0),
        add_tile,
        (0, nothing, nothing, nothing),
        shape_invariants=(tf.TensorShape([]), *[tf.TensorShape([query.shape[0], None])] * 3),
        parallel_iterations=1,  # one tile in memory at a time
    )
    return tuple(tf.ensure_shape(output, [query.shape[0], gallery.shape[0]]) for output in outputs)


def _backward(
    query, gallery, query_weights, gallery_weights, center, by_sum, by_mean, by_variance, tile_bytes, gallery_gradient
):
    def add_tile(totals, inputs):
        tile, by_sum, by_mean, by_variance = inputs
        responses = _respond(query, tile)
        _, mean, _, query_maxima, gallery_maxima = _reduce(responses, query_weights, gallery_weights, center)
        # d(mean)/dd = 1/n and d(variance)/dd = 2 (d - mean) / n, n = 2 x locations values a pair.
        scale = 1.0 / (2 * query.shape[1])
        per_query_location = (
            by_sum[:, None] * query_weights[:, None]
            + scale * (by_mean[:, None] + 2 * by_variance[:, None] * (query_maxima - center - mean[:, None]))
        )  # (num_query, locations, tile)
        per_gallery_location = (
            by_sum[..., None] * gallery_weights
            + scale * (by_mean[..., None] + 2 * by_variance[..., None] * (gallery_maxima - center - mean[..., None]))
        )  # (num_query, tile, locations)
        by_response = _spread(responses, query_maxima[..., None], per_query_location[..., None], 3)
        by_response += _spread(responses, gallery_maxima[:, None], per_gallery_location[:, None], 1)
        query_gradient, query_weight_gradient, gallery_weight_gradient = totals
        totals = (
            query_gradient + tf.einsum("psgr,grc->psc", by_response, tile),
            query_weight_gradient + tf.einsum("pg,psg->s", by_sum, query_maxima - center),
            gallery_weight_gradient + tf.einsum("pg,pgr->r", by_sum, gallery_maxima - center),
        )
        by_tile = tf.einsum("psgr,psc->grc", by_response, query) if gallery_gradient else tf.zeros([0])
        return totals, by_tile

    tile_size = _tile_size(query, gallery, tile_bytes)
    tiles = (_split(gallery, 0, tile_size), *(_split(by, 1, tile_size) for by in (by_sum, by_mean, by_variance)))
    zeros = tuple(tf.zeros_like(x) for x in (query, query_weights, gallery_weights))
    totals, by_tiles = _scan(add_tile, zeros, tiles)
    query_gradient, *weight_gradients = totals
    by_gallery = _join(by_tiles, 0)[: _length(gallery, 0)] if gallery_gradient else by_tiles
    return query_gradient, weight_gradients, by_gallery


def _scan(function, totals, inputs):
    """Carries totals over the tiles and stacks each tile's output (`tf.scan` would stack the totals as well)."""
    count = _length(inputs[0], 0)
    outputs = tf.TensorArray(tf.float32, size=count)

    def step(index, totals, outputs):
        totals, output = function(totals, tuple(x[index] for x in inputs))
        return index + 1, totals, outputs.write(index, output)

    _, totals, outputs = tf.while_loop(lambda index, *_: index < count, step, (0, totals, outputs))
    return totals, outputs.stack()


def _respond(query, tile):
    """The convolution of Liao and Shao, section 3: each query location is a 1x1 kernel over the gallery maps."""
    return tf.einsum("psc,grc->psgr", query, tile)  # (num_query, locations, tile, locations)


def _reduce(responses, query_weights, gallery_weights, center):
    query_maxima = tf.reduce_max(responses, axis=3)  # (num_query, locations, tile)
    gallery_maxima = tf.reduce_max(responses, axis=1)  # (num_query, tile, locations)
    of_query, of_gallery = query_maxima - center, gallery_maxima - center
    weighted_sum = tf.einsum("psg,s->pg", of_query, query_weights)
    weighted_sum += tf.einsum("pgr,r->pg", of_gallery, gallery_weights)
    count = 2 * responses.shape[1]
    mean = (tf.reduce_sum(of_query, 1) + tf.reduce_sum(of_gallery, 2)) / count
    # expand_dims and not mean[:, None], which TFLite cannot do where sizes are unknown.
    squares = tf.reduce_sum(tf.square(of_query - tf.expand_dims(mean, 1)), 1)
    squares += tf.reduce_sum(tf.square(of_gallery - tf.expand_dims(mean, 2)), 2)
    return weighted_sum, mean, squares / count, query_maxima, gallery_maxima


def _spread(responses, maxima, gradient, axis):
    """Sends each maximum's gradient back to where it was reached; exact ties share it."""
    best = tf.cast(responses == maxima, tf.float32)
    return best * (gradient / tf.reduce_sum(best, axis, keepdims=True))


def _length(tensor, axis):
    return tensor.shape[axis] if tensor.shape[axis] is not None else tf.shape(tensor)[axis]


def _tile_size(query, gallery, tile_bytes):
    """Gallery images a tile: a plain number where shapes are static (as XLA needs), else a tensor."""
    # Bytes are divided as a plain number: as a tensor, those of a few hundred large maps would pass 2**31.
    pairs = tile_bytes // (query.shape[1] ** 2 * 4)
    num_query, num_gallery = _length(query, 0), _length(gallery, 0)
    if isinstance(num_query, int) and isinstance(num_gallery, int):
        return max(1, min(pairs // max(num_query, 1), num_gallery))
    return tf.clip_by_value(pairs // tf.maximum(num_query, 1), 1, tf.maximum(num_gallery, 1))


def _split(tensor, axis, tile_size):
    """Cuts an axis into tiles, the last filled up with zeros, and puts the tiles first."""
    length = _length(tensor, axis)
    # At least one tile, if only of filling: a loop cannot tell the shape of what it makes of none.
    count = -(-length // tile_size)
    count = max(1, count) if isinstance(count, int) else tf.maximum(1, count)
    padding = [[0, 0]] * tensor.shape.rank
    padding[axis] = [0, count * tile_size - length]
    shape = [_length(tensor, other) for other in range(tensor.shape.rank)]
    tiles = tf.reshape(tf.pad(tensor, padding), [*shape[:axis], count, tile_size, *shape[axis + 1 :]])
    return tf.transpose(tiles, [axis, *range(axis), *range(axis + 1, tensor.shape.rank + 1)])


def _join(tiles, axis):
    """The inverse of `_split`, filling included."""
    rank = tiles.shape.rank
    whole = tf.transpose(tiles, [*range(1, axis + 1), 0, *range(axis + 1, rank)])
    shape = [_length(tiles, other) for other in range(1, rank)]
    shape[axis] = _length(tiles, 0) * shape[axis]
    return tf.reshape(whole, shape)
