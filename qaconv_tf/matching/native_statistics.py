"""`pair_statistics` by the native engine: what TensorFlow calls forward and backward, on the processor."""

import numpy as np
import tensorflow as tf

from qaconv_tf.errors import UserError
from qaconv_tf.matching import native_engine


def forward(query, gallery, query_weights, gallery_weights, center, *_options):
    """As `pair_statistics._forward` with `keep_maxima`; what is kept is `(num_query, num_gallery, locations)`.

    Raises:
        UserError: if there is no native engine.
    """
    if native_engine.why_missing():
        raise UserError(f"Expected a native engine. Received: none, {native_engine.why_missing()}. Take engine xla")
    inputs = query, gallery, query_weights, gallery_weights, center
    outputs = tf.numpy_function(_forward, inputs, [tf.float32] * 5 + [tf.int32] * 2)
    for output, rank in zip(outputs, [2] * 3 + [3] * 4, strict=True):
        output.set_shape([query.shape[0], gallery.shape[0], query.shape[1]][:rank])
    return outputs[:3], outputs[3:]


def backward(
    query, gallery, query_weights, gallery_weights, center, upstream, kept, _tile_bytes, _jit_compile, gallery_gradient
):
    """As `pair_statistics._backward`."""
    inputs = query, gallery, query_weights, gallery_weights, center
    outputs = tf.numpy_function(
        _backward_with_gallery if gallery_gradient else _backward, [*inputs, *upstream, *kept],
        [tf.float32] * (4 if gallery_gradient else 3),
    )  # fmt: skip
    by_query, *by_weights = outputs[:3]
    for gradient, of in zip(outputs, (query, query_weights, gallery_weights, gallery), strict=False):
        gradient.set_shape(of.shape)
    return by_query, by_weights, outputs[-1]


def _forward(query, gallery, query_weights, gallery_weights, center):
    pairs = len(query), len(gallery)
    statistics = tuple(_empty(pairs, np.float32) for _ in range(3))
    kept = tuple(_empty((*pairs, query.shape[1]), dtype) for dtype in (np.float32, np.float32, np.int32, np.int32))
    inputs = _inputs(query, gallery, query_weights, gallery_weights, center)
    native_engine.extension().pair_statistics(native_engine.kernels("fp32")[0], *inputs, kept, statistics)
    return *statistics, *kept


def _backward(query, gallery, query_weights, gallery_weights, center, *upstream_and_kept, by_gallery=None):
    upstream, kept = upstream_and_kept[:3], upstream_and_kept[3:]
    by_query, *by_weights = (_empty(of.shape, np.float32) for of in (query, query_weights, gallery_weights))
    inputs = _inputs(query, gallery, query_weights, gallery_weights, center)
    native_engine.extension().pair_gradients(*inputs, kept, upstream, by_query, by_gallery, *by_weights)
    return by_query, *by_weights


def _backward_with_gallery(query, gallery, *others):
    by_gallery = _empty(gallery.shape, np.float32)
    return *_backward(query, gallery, *others, by_gallery=by_gallery), by_gallery


def _inputs(query, gallery, query_weights, gallery_weights, center):
    weights = (one.astype(np.float64) for one in (query_weights, gallery_weights))
    return query, gallery, *weights, center, native_engine.num_cores()


def _empty(shape, dtype):
    """An array at an address that TensorFlow takes as it is; from others it copies."""
    size, alignment = int(np.prod(shape)) * np.dtype(dtype).itemsize, 64
    memory = np.empty(size + alignment, np.uint8)
    first = -memory.ctypes.data % alignment
    return memory[first : first + size].view(dtype).reshape(shape)
