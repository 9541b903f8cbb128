"""Scores of any number of queries against any number of gallery images, in bounded memory."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from qaconv_tf.errors import UserError
from qaconv_tf.matching import native_engine

ENGINES = ("auto", "xla", "native")
PRECISIONS = native_engine.PRECISIONS
# XLA's product of many queries with an image at a time is quickest: 64 take two thirds of the time that 8 do.
QUERY_BLOCK = 64
GALLERY_BLOCK = 256
_FEWEST = 32  # gallery images a block, if there are as many: a call takes milliseconds to begin
_RESPONSE_BYTES = 2**24  # of a query block and an image, at most; smaller blocks of large maps
_LARGEST_ROWS = 2**24  # scores in a block of rows


@dataclasses.dataclass(frozen=True)
class Engine:
    """An engine that was chosen.

    Args:
        name: `"native"` or `"xla"`.
        precision: `"fp32"` or `"bf16"`.
        kernel: str or None. The native engine's kernel for this processor.
        reason: str. Why this engine, where nobody asked for it. Defaults to `""`.

    Example:
        >>> from qaconv_tf.matching.score_matrix import Engine
        >>> print(Engine("native", "bf16", "amx_bf16"))
        native, kernel amx_bf16, precision bf16
        >>> print(Engine("xla", "fp32", None, "no native engine: it was not built"))
        xla, precision fp32 (no native engine: it was not built)
    """

    name: str
    precision: str
    kernel: str | None
    reason: str = ""

    def __str__(self):
        kernel = f", kernel {self.kernel}" if self.kernel else ""
        return f"{self.name}{kernel}, precision {self.precision}" + (f" ({self.reason})" if self.reason else "")


def score_matrix(
    matcher, query_maps, gallery_maps, engine="auto", precision="fp32", progress=None, threads=None, output=None
):
    """Scores every query against every gallery image.

    Args:
        matcher: `QAConv`.
        query_maps: array or memory map, `(num_query, height, width, channels)`.
        gallery_maps: array or memory map, `(num_gallery, height, width, channels)`.
        engine: `"native"`: compiled code, the fastest; `"xla"`: TensorFlow's compiler; `"auto"`: native where it was
            built, else XLA. Defaults to `"auto"`.
        precision: `"fp32"`; or `"bf16"`, of the native engine only: maps are rounded to bfloat16, which moves scores by
            about a hundredth of their standard deviation. Defaults to `"fp32"`.
        progress: callable or None. Called as `progress(done, total)`, in queries, after each block. Defaults to `None`.
        threads: int or None. Threads of the native engine; XLA takes all cores. Defaults to `None`: one a core.
        output: float32 array or memory map `(num_query, num_gallery)` to write to. Defaults to `None`, a new array.

    Returns:
        float32 array `(num_query, num_gallery)`, `output` where given; beyond it and a few blocks of maps nothing grows
        with the inputs. With the native engine an image whose map is not finite has NaN in all its scores.

    Raises:
        ValueError: if engine or precision is unknown, or maps are not of the matcher's size.
        UserError: if the engine is not there, or has no such precision.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> maps = np.random.default_rng(0).normal(size=(3, 4, 2, 8)).astype("float32")
        >>> qt.score_matrix(qt.QAConv(), maps, maps[:2], engine="xla").shape
        (3, 2)
    """
    fill, block = _filler(matcher, query_maps, gallery_maps, engine, precision, threads)
    scores = np.empty((len(query_maps), len(gallery_maps)), np.float32) if output is None else output
    for first in range(0, len(scores), block):
        fill(scores[first : first + block], query_maps[first : first + block])
        if progress is not None:
            progress(min(first + block, len(scores)), len(scores))
    return scores


def score_rows(matcher, query_maps, gallery_maps, engine="auto", precision="fp32", threads=None):
    """Yields the rows of `score_matrix` in blocks of some queries, so that the whole need never be in memory.

    Args:
        matcher: as in `score_matrix`; so are the others and the errors.
        query_maps: see `matcher`.
        gallery_maps: see `matcher`.
        engine: see `matcher`.
        precision: see `matcher`.
        threads: see `matcher`.

    Yields:
        float32 arrays `(block, num_gallery)`, in the order of the queries.
    """
    fill, block = _filler(matcher, query_maps, gallery_maps, engine, precision, threads)
    for first in range(0, len(query_maps), block):
        queries = query_maps[first : first + block]
        rows = np.empty((len(queries), len(gallery_maps)), np.float32)
        fill(rows, queries)
        yield rows


def chosen_engine(engine="auto", precision="fp32"):
    """Returns the `Engine` that `score_matrix` uses for an engine and a precision.

    Raises:
        ValueError: if one is unknown.
        UserError: if the engine is not there, or has no such precision.

    Example:
        >>> from qaconv_tf.matching.score_matrix import chosen_engine
        >>> print(chosen_engine("xla"))
        xla, precision fp32
    """
    if engine not in ENGINES:
        raise ValueError(f"Expected engine to be one of {ENGINES}. Received: engine={engine!r}")
    if precision not in PRECISIONS:
        raise ValueError(f"Expected precision to be one of {PRECISIONS}. Received: precision={precision!r}")
    missing = native_engine.why_missing()
    if engine == "xla" or (engine == "auto" and missing and precision == "fp32"):
        if precision != "fp32":
            raise UserError(f"Expected precision fp32 with engine xla. Received: {precision}. Take engine native")
        return Engine("xla", precision, None, f"no native engine: {missing}" if missing and engine == "auto" else "")
    if missing:
        raise UserError(
            f"Expected a native engine for engine {engine}, precision {precision}. Received: none, {missing}. Install "
            "g++ or clang++ and then this package again; or take engine xla, precision fp32"
        )
    return Engine("native", precision, native_engine.kernels(precision)[0])


def _filler(matcher, query_maps, gallery_maps, engine, precision, threads):
    """Returns a function that fills rows with the scores of queries, and how many queries it is given at a time."""
    if chosen_engine(engine, precision).name == "xla":
        block = _query_block(query_maps)
        return lambda rows, queries: _fill_by_xla(rows, matcher, _filled_up(queries, block), gallery_maps), block
    block = block_of_queries(query_maps, gallery_maps)
    return lambda rows, queries: native_engine.fill_rows(
        rows, matcher, queries, gallery_maps, precision, threads
    ), block


def block_of_queries(query_maps, gallery_maps):
    """Returns how many queries the native engine is given at a time: their maps and rows of scores stay small.

    Args:
        query_maps: as in `score_matrix`.
        gallery_maps: the same.
    """
    return min(native_engine.block_length(query_maps), max(1, _LARGEST_ROWS // max(1, len(gallery_maps))))


def _query_block(query_maps):
    """Queries that XLA matches at a time: a power of two, so that few sizes are compiled."""
    if not len(query_maps):
        return 1
    locations = np.prod(np.asarray(query_maps[0:1]).shape[1:3])
    most = int(np.clip(_RESPONSE_BYTES // (4 * locations**2), 1, QUERY_BLOCK))
    return min(1 << most.bit_length() - 1, 1 << (len(query_maps) - 1).bit_length())


def _fill_by_xla(rows, matcher, queries, gallery_maps):
    # XLA keeps one core busy where it reduces a tile: a block of the gallery for each core keeps all.
    cores, number = native_engine.num_cores(), len(gallery_maps)
    block = GALLERY_BLOCK if number >= GALLERY_BLOCK else min(number, max(_FEWEST, -(-number // cores)))

    def fill(first):
        gallery = gallery_maps[first : first + block]
        scores = matcher(queries, _filled_up(gallery, block)).numpy()
        rows[:, first : first + len(gallery)] = scores[: len(rows), : len(gallery)]

    if number and not matcher.built:
        matcher.build(queries.shape, queries.shape)
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(fill, range(0, number, max(1, block))))


def _filled_up(maps, length):
    """Repeats the last map up to a fixed length: one shape means one compilation."""
    maps = np.asarray(maps, np.float32)
    filling = np.repeat(maps[-1:], length - len(maps), axis=0)
    return tf.constant(np.concatenate([maps, filling]))


def pooled_scores(query_maps, gallery_maps, output=None):
    """The baseline that matching is measured against: cosine of mean-pooled maps.

    Args:
        query_maps: array `(num_query, height, width, channels)`.
        gallery_maps: array `(num_gallery, height, width, channels)`.
        output: as `score_matrix` takes it. Defaults to `None`, a new array.

    Returns:
        float32 array `(num_query, num_gallery)`, cosines; `output` where given.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.matching.score_matrix import pooled_scores
        >>> maps = np.random.default_rng(0).normal(size=(3, 4, 2, 8))
        >>> pooled_scores(maps, maps).argmax(axis=1).tolist()
        [0, 1, 2]
    """
    query, gallery = (_pooled(maps) for maps in (query_maps, gallery_maps))
    return np.matmul(query, gallery.T, out=output)


def _pooled(maps):
    pooled = np.mean(maps, axis=(1, 2), dtype=np.float32)
    return pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)
