"""Coarse-to-fine matching: coarser maps choose a short list of the gallery for each query, the exact score decides."""

import numpy as np

from qaconv_tf.matching import native_engine
from qaconv_tf.matching.qaconv import QAConv
from qaconv_tf.matching.score_matrix import block_of_queries, chosen_engine, score_matrix

# Locations of a coarse map at most. Fewer cost the native engine hardly less, a pair's call being what takes time.
MOST_LOCATIONS = 32
_POOLED_AT_A_TIME = 256


def shortlist_scores(
    matcher, query_maps, gallery_maps, size, engine="auto", precision="fp32", progress=None, threads=None, output=None
):
    """Scores every query against those gallery images that coarser maps show to be the most alike.

    The maps are pooled to `coarse_shape` and all pairs scored by `coarse_matcher`; the `size` best of each query, of
    equal ones the first in the gallery, are then scored exactly. What stands for the others is no score, but makes the
    ranking of the whole gallery: in the order of their coarse scores, below all that were scored. So probabilities of
    these mean nothing, and what is made of all probabilities (re-ranking, temporal lifting) cannot be had.

    Args:
        matcher: `QAConv`.
        query_maps: array or memory map, `(num_query, height, width, channels)`.
        gallery_maps: array or memory map, `(num_gallery, height, width, channels)`.
        size: int. Gallery images scored exactly for each query. As many as there are, or more: `score_matrix`.
        engine: see `score_matrix`. The native engine gives listed pairs the very scores of `score_matrix`, XLA equal
            ones up to rounding.
        precision: see `score_matrix`.
        progress: see `score_matrix`.
        threads: see `score_matrix`.
        output: see `score_matrix`.

    Returns:
        float32 array `(num_query, num_gallery)`, `output` where given. With the native engine a map that is not finite
        makes NaN of all that is not listed.

    Raises:
        ValueError: if `size` is below 1, or as `score_matrix`.
        UserError: as `score_matrix`.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> maps = np.random.default_rng(0).normal(size=(40, 12, 6, 8)).astype("float32")
        >>> scores = qt.shortlist_scores(qt.QAConv(), maps[:3], maps, size=5)
        >>> scores.argmax(axis=1).tolist()
        [0, 1, 2]
    """
    if size < 1:
        raise ValueError(f"Expected a short list of at least one image. Received: size={size}")
    if size >= len(gallery_maps):
        return score_matrix(matcher, query_maps, gallery_maps, engine, precision, progress, threads, output)
    coarse = CoarseScores(matcher, gallery_maps, engine, threads)
    scores = np.empty((len(query_maps), len(gallery_maps)), np.float32) if output is None else output
    block = block_of_queries(query_maps, gallery_maps)
    for first in range(0, len(scores), block):
        queries, rows = query_maps[first : first + block], scores[first : first + block]
        coarse_rows = coarse(queries)
        listed = most_alike(coarse_rows, size)
        fill_listed(rows, listed, matcher, queries, gallery_maps, engine, precision, threads)
        order_below(rows, listed, coarse_rows)
        if progress is not None:
            progress(min(first + block, len(scores)), len(scores))
    return scores


class CoarseScores:
    """Scores of pooled maps: some queries against the whole gallery, whose maps are pooled once.

    In bfloat16 where the processor multiplies it, whatever the precision of the exact scores: these only choose.

    Args:
        matcher: `QAConv`.
        gallery_maps: array or memory map, `(num_gallery, height, width, channels)`.
        engine: see `score_matrix`.
        threads: see `score_matrix`.

    Call arguments:
        query_maps: array `(num_query, height, width, channels)`.

    Returns:
        float32 array `(num_query, num_gallery)`.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.matching.shortlist import CoarseScores
        >>> maps = np.random.default_rng(0).normal(size=(3, 12, 6, 8))
        >>> CoarseScores(qt.QAConv(), maps)(maps[:2]).argmax(axis=1).tolist()
        [0, 1]
    """

    def __init__(self, matcher, gallery_maps, engine="auto", threads=None):
        if not matcher.built:
            matcher.build(gallery_maps.shape, gallery_maps.shape)
        self._shape = coarse_shape(*matcher.feature_shape[:2])
        self._matcher = coarse_matcher(matcher)
        self._gallery = pooled_maps(gallery_maps, *self._shape)
        self._engine, self._threads = chosen_engine(engine).name, threads
        quick = self._engine == "native" and native_engine.kernels("bf16")[0].endswith("_bf16")
        self._precision = "bf16" if quick else "fp32"

    def __call__(self, query_maps):
        """Returns the coarse scores; see the class."""
        queries = pooled_maps(query_maps, *self._shape)
        how = {"engine": self._engine, "precision": self._precision, "threads": self._threads}
        return score_matrix(self._matcher, queries, self._gallery, **how)


def coarse_shape(height, width):
    """Returns the height and width that maps are pooled to: strips across the longer side, halved until they are few.

    For people of generated camera networks they choose better than cells of both sides do, and much better than one
    pooled vector: see RESULTS.md.

    Example:
        >>> from qaconv_tf.matching.shortlist import coarse_shape
        >>> coarse_shape(24, 8), coarse_shape(48, 16), coarse_shape(6, 9)
        ((24, 1), (24, 1), (1, 9))
    """
    strips = max(height, width)
    while strips > MOST_LOCATIONS:
        strips = -(-strips // 2)
    return (strips, 1) if height >= width else (1, strips)


def pooled_maps(maps, height, width):
    """Pools maps to fewer locations: means over cells as equal as can be, L2-normalised.

    Args:
        maps: array or memory map, `(n, full_height, full_width, channels)`; read a block at a time.
        height: int, from 1 to the full one.
        width: the same.

    Returns:
        float32 array `(n, height, width, channels)`.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.matching.shortlist import pooled_maps
        >>> maps = np.array([[0, 3], [4, 0], [1, 0]]).reshape(1, 3, 1, 2)
        >>> pooled_maps(maps, 2, 1).tolist()
        [[[[0.0, 1.0]], [[1.0, 0.0]]]]
    """
    pooled = np.empty((len(maps), height, width, maps.shape[3]), np.float32)
    for first in range(0, len(maps), _POOLED_AT_A_TIME):
        some = slice(first, first + _POOLED_AT_A_TIME)
        sums = _cell_sums(np.asarray(maps[some], np.float32), height, width, axis=1)
        # Of a mean only the direction is kept, which is the sum's. What is not finite becomes NaN.
        with np.errstate(invalid="ignore"):
            pooled[some] = sums / np.maximum(np.linalg.norm(sums, axis=-1, keepdims=True), 1e-12)
    return pooled


def coarse_matcher(matcher):
    """Returns a matcher of pooled maps whose scores are near those of the full maps.

    A cell of the coarse map counts what its locations count together.

    Args:
        matcher: a built `QAConv`.

    Returns:
        A `QAConv`, built for maps of `coarse_shape`.

    Example:
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.matching.shortlist import coarse_matcher
        >>> matcher = qt.QAConv(head="uniform")
        >>> matcher.build((None, 24, 8, 16), (None, 24, 8, 16))
        >>> coarse_matcher(matcher).feature_shape
        (24, 1, 16)
    """
    form = matcher.evaluation_form()
    height, width, channels = matcher.feature_shape
    shape = coarse_shape(height, width)
    weights = form.slope * np.stack([form.query_weights, form.gallery_weights])
    coarse = QAConv(head="split")
    coarse.build((None, *shape, channels), (None, *shape, channels))
    cells = _cell_sums(weights.reshape(2, height, width), *shape, axis=1)
    coarse.location_weights.assign(cells.reshape(2, -1))
    coarse.bias.assign(form.intercept - form.center * weights.sum())
    return coarse


def _cell_sums(array, height, width, axis):
    """Sums over cells of two successive axes."""
    for number in (height, width):
        starts = np.arange(number) * array.shape[axis] // number
        array = np.add.reduceat(array, starts, axis=axis)
        axis += 1
    return array


def most_alike(coarse_scores, size):
    """Returns which gallery images have a query's largest scores; of equal ones the first.

    Args:
        coarse_scores: array `(num_query, num_gallery)`.
        size: int, from 1 to `num_gallery`.

    Returns:
        bool array `(num_query, num_gallery)`, `size` true in a row.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.matching.shortlist import most_alike
        >>> most_alike(np.array([[3, 1, 2, 2]]), 2)
        array([[ True, False,  True, False]])
    """
    place = coarse_scores.shape[1] - size
    last = np.partition(coarse_scores, place, axis=1)[:, place, None]
    listed = coarse_scores > last
    equal = coarse_scores == last
    room = size - np.count_nonzero(listed, axis=1, keepdims=True)
    listed |= equal & (np.cumsum(equal, axis=1, dtype=np.int32) <= room)
    return listed


def fill_listed(rows, listed, matcher, query_maps, gallery_maps, engine="auto", precision="fp32", threads=None):
    """Writes the exact scores of the listed pairs, and nothing for the others.

    Args:
        rows: float32 array `(num_query, num_gallery)`, written to.
        listed: bool array `(num_query, num_gallery)`.
        matcher: as in `shortlist_scores`; so are the others.
        query_maps: see `matcher`.
        gallery_maps: see `matcher`.
        engine: see `matcher`.
        precision: see `matcher`.
        threads: see `matcher`.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.matching.shortlist import fill_listed
        >>> maps = np.random.default_rng(0).normal(size=(3, 4, 2, 8)).astype("float32")
        >>> rows = np.zeros((1, 3), np.float32)
        >>> fill_listed(rows, np.array([[True, False, False]]), qt.QAConv(), maps[:1], maps)
        >>> rows[0, 0] > 0, rows[0, 1:].tolist()
        (np.True_, [0.0, 0.0])
    """
    if chosen_engine(engine, precision).name == "native":
        native_engine.fill_rows(rows, matcher, query_maps, gallery_maps, precision, threads, wanted=listed)
        return
    for row, chosen, query in zip(rows, listed, query_maps, strict=True):
        row[chosen] = score_matrix(matcher, query[None], gallery_maps[np.flatnonzero(chosen)], "xla")[0]


def order_below(rows, listed, coarse_scores):
    """Writes, for what is not listed, numbers below a row's exact scores, in the order of the coarse scores.

    Each is as far below the lowest exact score as the coarse score is below the best coarse score that is not listed,
    but below it at least by the last digit. Coarse scores that differ in their last digits may become equal.

    Args:
        rows: float32 array `(num_query, num_gallery)`, exact where listed, written to elsewhere.
        listed: bool array `(num_query, num_gallery)`, with one true in each row at least.
        coarse_scores: float32 array `(num_query, num_gallery)`.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.matching.shortlist import order_below
        >>> rows, coarse_scores = np.array([[7, 0, 8, 0]], np.float32), np.array([[9, 1, 8, 3]], np.float32)
        >>> order_below(rows, rows > 0, coarse_scores)
        >>> rows.round(3).tolist()
        [[7.0, 5.0, 8.0, 7.0]]
        >>> bool(rows[0, 3] < 7)
        True
    """
    lowest = np.min(rows, axis=1, keepdims=True, where=listed, initial=np.inf)
    best = np.max(coarse_scores, axis=1, keepdims=True, where=~listed, initial=-np.inf)
    below = np.minimum(lowest - (best - coarse_scores), np.nextafter(lowest, np.float32(-np.inf)))
    np.copyto(rows, below, where=~listed)
