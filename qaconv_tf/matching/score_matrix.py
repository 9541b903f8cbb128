"""Scores of any number of queries against any number of gallery images, in bounded memory."""

import numpy as np
import tensorflow as tf

ENGINES = ("auto", "xla")
PRECISIONS = ("fp32",)
QUERY_BLOCK = 8
GALLERY_BLOCK = 256


def score_matrix(matcher, query_maps, gallery_maps, engine="auto", precision="fp32", progress=None):
    """Scores every query against every gallery image.

    Args:
        matcher: a built `QAConv`.
        query_maps: array or memory map, `(num_query, height, width, channels)`.
        gallery_maps: array or memory map, `(num_gallery, height, width, channels)`.
        engine: `"auto"` or `"xla"` (what `"auto"` chooses). Defaults to `"auto"`.
        precision: `"fp32"`, the only one of the XLA engine. Defaults to `"fp32"`.
        progress: callable or None. Called as `progress(done, total)`, in queries, after each block. Defaults to `None`.

    Returns:
        float32 array `(num_query, num_gallery)`; beyond it and one block of maps nothing grows with the inputs.

    Raises:
        ValueError: if engine or precision is unknown.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> maps = np.random.default_rng(0).normal(size=(3, 4, 2, 8)).astype("float32")
        >>> qt.score_matrix(qt.QAConv(), maps, maps[:2]).shape
        (3, 2)
    """
    scores = np.empty((len(query_maps), len(gallery_maps)), np.float32)
    done = 0
    for rows in score_rows(matcher, query_maps, gallery_maps, engine, precision):
        scores[done : done + len(rows)] = rows
        done += len(rows)
        if progress is not None:
            progress(done, len(scores))
    return scores


def score_rows(matcher, query_maps, gallery_maps, engine="auto", precision="fp32"):
    """Yields the rows of `score_matrix` in blocks of a few queries, so that the whole need never be in memory.

    Args:
        matcher: as in `score_matrix`; so are `query_maps`, `gallery_maps`, `engine`, `precision` and the errors.
        query_maps: see `matcher`.
        gallery_maps: see `matcher`.
        engine: see `matcher`.
        precision: see `matcher`.

    Yields:
        float32 arrays `(block, num_gallery)`, in the order of the queries.
    """
    chosen_engine(engine)
    if precision not in PRECISIONS:
        raise ValueError(f"Expected precision to be one of {PRECISIONS}. Received: precision={precision!r}")
    gallery_block = min(GALLERY_BLOCK, len(gallery_maps))
    for first_query in range(0, len(query_maps), QUERY_BLOCK):
        queries = query_maps[first_query : first_query + QUERY_BLOCK]
        query = _filled_up(queries, QUERY_BLOCK)
        rows = np.empty((len(queries), len(gallery_maps)), np.float32)
        for first in range(0, len(gallery_maps), GALLERY_BLOCK):
            gallery = gallery_maps[first : first + GALLERY_BLOCK]
            scores = matcher(query, _filled_up(gallery, gallery_block))
            rows[:, first : first + len(gallery)] = scores.numpy()[: len(queries), : len(gallery)]
        yield rows


def chosen_engine(engine):
    """Returns the engine that `score_matrix` uses for `engine`.

    Raises:
        ValueError: if the engine is unknown.

    Example:
        >>> from qaconv_tf.matching.score_matrix import chosen_engine
        >>> chosen_engine("auto")
        'xla'
    """
    if engine not in ENGINES:
        raise ValueError(f"Expected engine to be one of {ENGINES}. Received: engine={engine!r}")
    return "xla"


def _filled_up(maps, length):
    """Repeats the last map up to a fixed length: one shape means one compilation."""
    maps = np.asarray(maps, np.float32)
    filling = np.repeat(maps[-1:], length - len(maps), axis=0)
    return tf.constant(np.concatenate([maps, filling]))


def pooled_scores(query_maps, gallery_maps):
    """The baseline that matching is measured against: cosine of mean-pooled maps.

    Args:
        query_maps: array `(num_query, height, width, channels)`.
        gallery_maps: array `(num_gallery, height, width, channels)`.

    Returns:
        float32 array `(num_query, num_gallery)`, cosines.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.matching.score_matrix import pooled_scores
        >>> maps = np.random.default_rng(0).normal(size=(3, 4, 2, 8))
        >>> pooled_scores(maps, maps).argmax(axis=1).tolist()
        [0, 1, 2]
    """
    query, gallery = (_pooled(maps) for maps in (query_maps, gallery_maps))
    return query @ gallery.T


def _pooled(maps):
    pooled = np.mean(maps, axis=(1, 2), dtype=np.float32)
    return pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)
