"""The native engine: scores by the extension `_native` (native/*.cpp), where the installation built it."""

import importlib
from typing import NamedTuple

import numpy as np

from qaconv_tf.cores import num_cores

PRECISIONS = ("fp32", "bf16")
# Maps converted and packed at a time, of queries and of gallery images: a few hundred, and fewer of large ones. Enough
# that packing costs next to nothing.
_BLOCK = 256
_BLOCK_BYTES = 2**25
# Of pairs that are wanted here and there, more: packing the queries for each block would take most of the time.
_BLOCKS_OF_WANTED = 8


class BestMatches(NamedTuple):
    """Scores of all pairs, and the correspondences that make them.

    Args:
        scores: float32 `(num_query, num_gallery)`.
        of_query: int32 `(num_query, num_gallery, locations)`. For each location of the query's map, counted row by row,
            the location of the gallery's map with the largest response; of equal ones the first.
        of_gallery: int32 `(num_query, num_gallery, locations)`. The reverse.
    """

    scores: np.ndarray
    of_query: np.ndarray
    of_gallery: np.ndarray


def _load():
    """Returns the extension and None, or None and why there is none."""
    try:
        return importlib.import_module("qaconv_tf.matching._native"), None
    except ModuleNotFoundError:
        return None, "it was not built: the installation found no C++ compiler that could"
    except ImportError as error:
        return None, f"its import failed: {error}"


_NATIVE, _WHY_MISSING = _load()


def why_missing():
    """Returns why there is no native engine, or None where there is one.

    Example:
        >>> from qaconv_tf.matching import native_engine
        >>> native_engine.why_missing() is None or native_engine.why_missing().startswith("it")
        True
    """
    return _WHY_MISSING


def extension():
    """Returns the extension, or None where there is none."""
    return _NATIVE


def kernels(precision):
    """Returns the names of the kernels that this processor runs for a precision, the best first.

    Args:
        precision: str. `"fp32"` or `"bf16"`.

    Example:
        >>> from qaconv_tf.matching import native_engine
        >>> native_engine.why_missing() or native_engine.kernels("fp32")[-1]  # doctest: +ELLIPSIS
        '...'
    """
    return _NATIVE.kernels(precision)


def block_length(maps):
    """Returns how many maps are matched at a time.

    Args:
        maps: array `(n, height, width, channels)`, or what can be sliced like one.
    """
    if not len(maps):
        return 1
    return int(np.clip(_BLOCK_BYTES // (4 * np.asarray(maps[0:1]).size), 1, _BLOCK))


def fill_rows(rows, matcher, query_maps, gallery_maps, precision="fp32", threads=None, kernel=None, wanted=None):
    """Writes the scores of some queries against every gallery image.

    Args:
        rows: float32 array `(num_query, num_gallery)` whose rows are dense, filled. A map with a number that is not
            finite, or not below 2^50 in magnitude, scores NaN.
        matcher: `QAConv`.
        query_maps: array `(num_query, height, width, channels)`.
        gallery_maps: array or memory map, `(num_gallery, height, width, channels)`; read a block at a time.
        precision: `"fp32"`; or `"bf16"`: the maps are rounded to bfloat16, products are summed in single precision.
            Defaults to `"fp32"`.
        threads: int or None. Defaults to `None`: one for each core that the process may use. Does not change a bit.
        kernel: str or None. One of `kernels(precision)`. Defaults to `None`: the best.
        wanted: bool array `(num_query, num_gallery)`. The pairs to score; nothing is written for the others. Defaults
            to `None`: all.

    Raises:
        ValueError: if maps are not of the size the matcher was built for, or `threads` is below 1.
    """
    queries = _dense(matcher, query_maps)
    score = _scorer(matcher, precision, threads, kernel)
    block = block_length(gallery_maps) * (1 if wanted is None else _BLOCKS_OF_WANTED)
    for first in range(0, len(gallery_maps), block):
        some = slice(first, first + block)
        gallery = _dense(matcher, gallery_maps[some])
        chosen = None if wanted is None else np.ascontiguousarray(wanted[:, some])
        score(queries, gallery, rows[:, some], wanted=chosen)


def best_matches(matcher, query_maps, gallery_maps, precision="fp32", threads=None, kernel=None):
    """Scores all pairs, and says which locations they are scored by.

    Args:
        matcher: as in `fill_rows`; so are the others and the errors.
        query_maps: see `matcher`.
        gallery_maps: see `matcher`.
        precision: see `matcher`.
        threads: see `matcher`.
        kernel: see `matcher`.

    Returns:
        `BestMatches`.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.matching import native_engine
        >>> maps = np.random.default_rng(0).normal(size=(2, 4, 2, 8))
        >>> if not native_engine.why_missing():
        ...     matches = native_engine.best_matches(qt.QAConv(), maps, maps)
        ...     responses = maps[0].reshape(8, 8) @ maps[1].reshape(8, 8).T
        ...     assert matches.of_query[0, 1].tolist() == responses.argmax(axis=1).tolist()
    """
    queries, gallery = _dense(matcher, query_maps), _dense(matcher, gallery_maps)
    score = _scorer(matcher, precision, threads, kernel)
    scores = np.empty((len(queries), len(gallery)), np.float32)
    of_query, of_gallery = (np.empty((*scores.shape, queries.shape[1]), np.int32) for _ in range(2))
    score(queries, gallery, scores, of_query, of_gallery)
    return BestMatches(scores, of_query, of_gallery)


def _scorer(matcher, precision, threads, kernel):
    """Returns a function of dense queries, dense gallery maps and the arrays to fill."""
    threads = num_cores() if threads is None else threads
    if threads < 1:
        raise ValueError(f"Expected at least one thread. Received: threads={threads}")
    kernel = kernel or kernels(precision)[0]
    form = matcher.evaluation_form()
    weights = form.query_weights, form.gallery_weights
    # The engine sums in double, so the maxima need not be centred.
    intercept = form.intercept - form.slope * form.center * sum(one.sum() for one in weights)

    def score(queries, gallery, *results, wanted=None):
        _NATIVE.score_pairs(
            kernel, precision, queries, gallery, *weights, form.slope, intercept, threads, *results, wanted=wanted
        )

    return score


def _dense(matcher, maps):
    """Maps as the extension takes them, `(n, locations, channels)`; copied only where they are not so in memory."""
    maps = np.require(maps, np.float32, ["C_CONTIGUOUS", "ALIGNED"])
    if not matcher.built:
        matcher.build(maps.shape, maps.shape)
    height, width, channels = matcher.feature_shape
    if maps.shape[1:] != matcher.feature_shape:
        raise ValueError(
            f"Expected maps of (height, width, channels)={matcher.feature_shape}. Received: shape {maps.shape}"
        )
    return maps.reshape(len(maps), height * width, channels)
