"""The tiled heart of query-adaptive convolution: every pair's location maxima, reduced to three numbers a pair.

A pair's response is a (locations x locations) matrix of cosines; its row and column maxima are all that the matcher
needs, and of these only a weighted sum (the score before normalisation), the mean and the variance (for BatchNorm over
all maxima). So a tile of responses is made, reduced and dropped. A maximum's gradient touches one location of each
map: the forward pass notes where, and the backward pass gathers and scatters rows of the maps, without a product.
"""

import functools
import math

import tensorflow as tf

from qaconv_tf.matching import native_statistics

# Measured at 24 x 8 x 128: tiles of 4 to 16 MB are equally fast; larger ones fall out of the processor's cache.
DEFAULT_TILE_BYTES = 8 * 2**20


def pair_statistics(
    query, gallery, query_weights, gallery_weights, center, tile_bytes=DEFAULT_TILE_BYTES, jit_compile=True,
    gallery_gradient=True, keep_maxima=False, engine="xla",
):
    """Returns, for each pair, the weighted sum, the mean and the variance of its location maxima.

    With `m1[s]` the best response of query location `s` over all gallery locations, `m2[r]` the best response of
    gallery location `r` over all query locations, and `d = m - center`:
    `weighted_sum = sum_s query_weights[s] d1[s] + sum_r gallery_weights[r] d2[r]`; mean and variance are over all
    `2 x locations` values of `d`.

    A maximum's gradient passes to the best location only; of exact ties to the first, as in PyTorch.

    Args:
        query: float32, `(num_query, locations, channels)`.
        gallery: float32, `(num_gallery, locations, channels)`.
        query_weights: float32, `(locations,)`.
        gallery_weights: float32, `(locations,)`.
        center: float32, one for all or `(num_gallery,)`, subtracted from every maximum. In float32 the maxima of
            unlike images differ in the third digit, so sums of them lose five bits that sums of differences keep. Not
            differentiated.
        tile_bytes: int. Largest tile of responses held at a time (one gallery image at least).
        jit_compile: bool. Compile forward and backward pass with XLA. `False` for export.
        gallery_gradient: bool. `False` saves half of the backward pass where the gallery is a memory.
        keep_maxima: bool. Keep the maxima and their places for the backward pass: 5 bytes (with more than 256
            locations 6) for each of a pair's `2 x locations`. `False` makes the responses again if gradients are
            asked for after all.
        engine: str. `"xla"`: as above; or `"native"`: by the native engine, on the processor and never inside a
            function that XLA compiles. It keeps the maxima, 16 bytes for both maxima of a location, and no tiles.

    Returns:
        Three tensors `(num_query, num_gallery)`: weighted sum, mean, variance.

    Raises:
        ValueError: if the engine is unknown.
        UserError: if there is no native engine.
    """
    if engine not in ("xla", "native"):
        raise ValueError(f"Expected engine to be 'xla' or 'native'. Received: engine={engine!r}")
    if engine == "native":
        forward, backward = native_statistics.forward, native_statistics.backward
    else:
        forward, backward = _compiled() if jit_compile else (_forward, _backward)
        if not jit_compile and not keep_maxima and None in (query.shape[0], gallery.shape[0]):
            forward = _forward_unknown_sizes
    # A tensor, never a variable: the compiled functions would keep a version, and a compilation, for each variable.
    center = tf.broadcast_to(tf.stop_gradient(center), [_length(gallery, 0)])
    options = tile_bytes, jit_compile

    @tf.custom_gradient
    def statistics(*inputs):
        # Without the stop, an eager tape would look inside the compiled function, which XLA does not allow.
        inputs = (*(tf.stop_gradient(x) for x in inputs), center)
        found, kept = forward(*inputs, *options, keep_maxima)

        def gradient(*upstream):
            query_gradient, weight_gradients, by_gallery = backward(*inputs, upstream, kept, *options, gallery_gradient)
            return query_gradient, by_gallery if gallery_gradient else None, *weight_gradients

        return found, gradient

    return statistics(query, gallery, query_weights, gallery_weights)


@functools.cache
def _compiled():
    compile_function = functools.partial(tf.function, jit_compile=True, autograph=False)
    return compile_function(_forward), compile_function(_backward)


def _forward(query, gallery, query_weights, gallery_weights, center, tile_bytes, jit_compile, keep_maxima):
    """Returns the statistics and, stacked by tile, the maxima and their places, or nothing."""

    def reduce_tile(_, tile, part, totals):
        maxima, places = _maxima(_respond(query, tile), keep_maxima, jit_compile)
        statistics = _reduce(*maxima, query_weights, gallery_weights, part(center, 0))
        return totals, statistics + (maxima + places if keep_maxima else ())

    place = tf.uint8 if query.shape[1] <= 256 else tf.uint16
    types = (tf.float32,) * 3 + ((tf.float32, tf.float32, place, place) if keep_maxima else ())
    _, outputs = _scan(reduce_tile, (), query, gallery, tile_bytes, types)
    return tuple(_join(output, 1, _length(gallery, 0)) for output in outputs[:3]), tuple(outputs[3:])


def _forward_unknown_sizes(query, gallery, query_weights, gallery_weights, center, tile_bytes, *_):
    """As `_forward`, with shapes that XLA does not allow instead of lists of tensors that TFLite does not.

    The last tile is smaller, the outputs grow tile by tile, and there may be no tile at all.
    """
    tile_size = _tile_size(query, gallery, tile_bytes)

    def add_tile(first, *outputs):
        maxima, _ = _maxima(_respond(query, gallery[first : first + tile_size]))
        of_tile = _reduce(*maxima, query_weights, gallery_weights, center[first : first + tile_size])
        return first + tile_size, *(tf.concat(pair, 1) for pair in zip(outputs, of_tile, strict=True))

    nothing = tf.zeros([_length(query, 0), 0])
    _, *outputs = tf.while_loop(
        lambda first, *_: first < _length(gallery, 0),
        add_tile,
        (0, nothing, nothing, nothing),
        shape_invariants=(tf.TensorShape([]), *[tf.TensorShape([query.shape[0], None])] * 3),
        parallel_iterations=1,  # one tile in memory at a time
    )
    return tuple(tf.ensure_shape(output, [query.shape[0], gallery.shape[0]]) for output in outputs), ()


def _backward(
    query, gallery, query_weights, gallery_weights, center, upstream, kept, tile_bytes, jit_compile, gallery_gradient
):
    num_query, (locations, channels) = _length(query, 0), query.shape[1:]
    # d(mean)/dd = 1/n and d(variance)/dd = 2 (d - mean) / n, n = 2 x locations values a pair.
    scale = 1.0 / (2 * locations)

    def add_tile(index, tile, part, totals):
        maxima, places = (
            [(tiles[0][index], tiles[1][index]) for tiles in (kept[:2], kept[2:])]
            if kept
            else _maxima(_respond(query, tile), True, jit_compile)
        )
        of_query, of_gallery = _centered(*maxima, part(center, 0))
        query_places, gallery_places = (tf.cast(one, tf.int32) for one in places)
        _, mean, _ = _reduce(*maxima, query_weights, gallery_weights, part(center, 0))
        # Images that the tile before this one had are not counted again.
        tile_size = _length(tile, 0)
        new = part(tf.range(_length(gallery, 0)), 0) >= index * tile_size
        by_sum, by_mean, by_variance = (tf.where(new, part(by, 1), 0.0) for by in upstream)
        per_query_location = (
            by_sum[:, None] * query_weights[:, None]
            + scale * (by_mean[:, None] + 2 * by_variance[:, None] * (of_query - mean[:, None]))
        )  # (num_query, locations, tile)
        per_gallery_location = (
            by_sum[..., None] * gallery_weights
            + scale * (by_mean[..., None] + 2 * by_variance[..., None] * (of_gallery - mean[..., None]))
        )  # (num_query, tile, locations)
        # Rows of all maps of the tile, or of all queries, in which a map's own rows begin at its offset.
        query_places += locations * tf.range(tile_size)
        gallery_places += locations * tf.range(num_query)[:, None, None]
        query_rows, gallery_rows = (tf.reshape(maps, [-1, channels]) for maps in (query, tile))

        by_query_rows, by_query_weights, by_gallery_weights = totals
        gathered = tf.gather(gallery_rows, query_places) * per_query_location[..., None]
        by_query_rows += tf.reshape(tf.reduce_sum(gathered, axis=2), [-1, channels])
        by_query_rows = _scatter(by_query_rows, gallery_places, tile * per_gallery_location[..., None])
        by_query_weights += tf.einsum("pg,psg->s", by_sum, of_query)
        by_gallery_weights += tf.einsum("pg,pgr->r", by_sum, of_gallery)
        totals = by_query_rows, by_query_weights, by_gallery_weights
        if not gallery_gradient:
            return totals, ()
        gathered = tf.gather(query_rows, gallery_places) * per_gallery_location[..., None]
        by_gallery_rows = tf.reshape(tf.reduce_sum(gathered, axis=0), [-1, channels])
        by_gallery_rows = _scatter(by_gallery_rows, query_places, query[:, :, None] * per_query_location[..., None])
        return totals, (tf.reshape(by_gallery_rows, tf.shape(tile)),)

    zeros = tuple(tf.zeros_like(one) for one in (tf.reshape(query, [-1, channels]), query_weights, gallery_weights))
    totals, by_tiles = _scan(add_tile, zeros, query, gallery, tile_bytes, (tf.float32,) * gallery_gradient)
    by_query_rows, *weight_gradients = totals
    by_gallery = _join(by_tiles[0], 0, _length(gallery, 0)) if gallery_gradient else tf.zeros([0])
    return tf.reshape(by_query_rows, tf.shape(query)), weight_gradients, by_gallery


def _scan(function, totals, query, gallery, tile_bytes, types):
    """Carries totals over the tiles and stacks each tile's outputs (`tf.scan` would stack the totals as well).

    `function` is given the number of the tile, the tile, `part(tensor, axis)`, what of a tensor belongs to the tile's
    images, and the totals. All tiles are of one size: the last begins with images that the one before it had too.
    """
    tile_size = _tile_size(query, gallery, tile_bytes)
    num_gallery = _length(_at_least_one(gallery, 0), 0)
    count = -(-num_gallery // tile_size)

    def step(index, totals, arrays):
        first = tf.minimum(index * tile_size, num_gallery - tile_size)

        def part(tensor, axis):
            """What of a tensor belongs to the tile. With sizes of -1 XLA would copy all of it."""
            tensor = _at_least_one(tensor, axis)
            shape = [_length(tensor, other) for other in range(tensor.shape.rank)]
            shape[axis] = tile_size
            return tf.slice(tensor, [first if axis == other else 0 for other in range(len(shape))], shape)

        totals, outputs = function(index, part(gallery, 0), part, totals)
        return index + 1, totals, [array.write(index, one) for array, one in zip(arrays, outputs, strict=True)]

    arrays = [tf.TensorArray(dtype, size=count) for dtype in types]
    # One tile in memory at a time.
    _, totals, arrays = tf.while_loop(
        lambda index, *_: index < count, step, (0, totals, arrays), parallel_iterations=1
    )
    return totals, [array.stack() for array in arrays]


def _respond(query, tile):
    """The convolution of Liao and Shao, section 3: each query location is a 1x1 kernel over the gallery maps."""
    return tf.einsum("psc,grc->psgr", query, tile)  # (num_query, locations, tile, locations)


def _maxima(responses, with_places=False, jit_compile=False):
    """Returns the maxima of each query and of each gallery location and, if asked for, the first place of each."""
    maxima = tf.reduce_max(responses, axis=3), tf.reduce_max(responses, axis=1)
    if not with_places:
        return maxima, ()
    if not jit_compile:
        places = tf.argmax(responses, axis=3), tf.argmax(responses, axis=1)
    else:
        # XLA's argmax on a CPU takes as long as the product, a chain of comparisons a fifth of that. Neighbouring
        # gallery locations are searched together: they fill the processor's vectors.
        lanes = math.gcd(responses.shape[3], 32)
        in_lanes = _first_equal(tf.split(responses, responses.shape[3] // lanes, 3), maxima[0][..., None])
        places = (
            tf.reduce_min(in_lanes * lanes + tf.range(lanes), axis=3),
            _first_equal(tf.unstack(responses, axis=1), maxima[1]),
        )
    place = tf.uint8 if responses.shape[3] <= 256 else tf.uint16
    return maxima, tuple(tf.cast(one, place) for one in places)


def _first_equal(parts, maximum):
    """Number of the first part that equals the maximum, elementwise; where none does, the number of parts."""
    first = tf.fill(tf.shape(parts[0]), len(parts))
    for number in reversed(range(len(parts))):
        first = tf.where(parts[number] == maximum, number, first)
    return first


def _reduce(query_maxima, gallery_maxima, query_weights, gallery_weights, center):
    of_query, of_gallery = _centered(query_maxima, gallery_maxima, center)
    weighted_sum = tf.einsum("psg,s->pg", of_query, query_weights)
    weighted_sum += tf.einsum("pgr,r->pg", of_gallery, gallery_weights)
    count = 2 * query_maxima.shape[1]
    mean = (tf.reduce_sum(of_query, 1) + tf.reduce_sum(of_gallery, 2)) / count
    # expand_dims and not mean[:, None], which TFLite cannot do where sizes are unknown.
    squares = tf.reduce_sum(tf.square(of_query - tf.expand_dims(mean, 1)), 1)
    squares += tf.reduce_sum(tf.square(of_gallery - tf.expand_dims(mean, 2)), 2)
    return weighted_sum, mean, squares / count


def _centered(query_maxima, gallery_maxima, center):
    # (num_query, locations, tile) and (num_query, tile, locations)
    return query_maxima - center, gallery_maxima - tf.expand_dims(center, 1)


def _scatter(rows, places, updates):
    """Adds updates, of any leading shape, to the rows at their places."""
    return tf.tensor_scatter_nd_add(rows, tf.reshape(places, [-1, 1]), tf.reshape(updates, [-1, rows.shape[1]]))


def _length(tensor, axis):
    return tensor.shape[axis] if tensor.shape[axis] is not None else tf.shape(tensor)[axis]


def _at_least_one(tensor, axis):
    """Fills an axis of unknown length up to one: a loop cannot tell the shape of what it makes of no tile."""
    if tensor.shape[axis] is not None:
        return tensor
    padding = [[0, 0]] * tensor.shape.rank
    padding[axis] = [0, tf.maximum(0, 1 - tf.shape(tensor)[axis])]
    return tf.pad(tensor, padding)


def _tile_size(query, gallery, tile_bytes):
    """Gallery images a tile: a plain number where shapes are static (as XLA needs), else a tensor."""
    # Bytes are divided as a plain number: as a tensor, those of a few hundred large maps would pass 2**31.
    pairs = tile_bytes // (query.shape[1] ** 2 * 4)
    num_query, num_gallery = _length(query, 0), _length(gallery, 0)
    if isinstance(num_query, int) and isinstance(num_gallery, int):
        # A power of two: what XLA makes of 7 images a tile takes three times as long as of 4 or 8.
        size = 1 << max(1, min(pairs // max(num_query, 1), num_gallery)).bit_length() - 1
        while -num_gallery % size > num_gallery // 4:  # images that the last tile would repeat
            size //= 2
        return size
    return tf.clip_by_value(pairs // tf.maximum(num_query, 1), 1, tf.maximum(num_gallery, 1))


def _join(tiles, axis, length):
    """Puts tiles side by side along their axis of gallery images, whose last tile begins with images seen before."""
    rank, count, tile_size = tiles.shape.rank, _length(tiles, 0), _length(tiles, axis + 1)
    whole = tf.transpose(tiles, [*range(1, axis + 1), 0, *range(axis + 1, rank)])
    shape = [_length(tiles, other) for other in range(1, rank)]
    shape[axis] = count * tile_size
    whole = tf.reshape(whole, shape)
    before = (slice(None),) * axis
    old, new = slice((count - 1) * tile_size), slice((2 * count - 1) * tile_size - length, None)
    return tf.concat([whole[(*before, old)], whole[(*before, new)]], axis)
