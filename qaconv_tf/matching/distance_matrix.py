"""Feature maps -> distances of all pairs, in files that disappear with them: what re-ranking needs."""

import shutil
import tempfile

import numpy as np

from qaconv_tf.errors import UserError
from qaconv_tf.matching.score_matrix import GALLERY_BLOCK, score_rows


def distances_among(matcher, maps, engine="auto", precision="fp32", progress=None, threads=None):
    """Returns the distances, 1 - probability, of every pair of some images, in a `temporary_map`.

    Half of the pairs are matched where both directions of a pair have one score, as with every head but `"split"`.

    Args:
        matcher: a built `QAConv`.
        maps: array or memory map, `(n, height, width, channels)`.
        engine: see `score_matrix`.
        precision: see `score_matrix`.
        progress: callable or None. Called as `progress(done, total)`, in pairs, after each block of rows. Defaults to
            `None`.
        threads: see `score_matrix`.

    Returns:
        float32 memory map `(n, n)`.

    Raises:
        ValueError: if engine or precision is unknown.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.matching.distance_matrix import distances_among
        >>> maps = np.random.default_rng(0).normal(size=(3, 4, 2, 8)).astype("float32")
        >>> distances = distances_among(qt.QAConv(), maps)
        >>> distances.shape, np.allclose(distances, distances.T)
        ((3, 3), True)
    """
    number = len(maps)
    distances = temporary_map((number, number))
    done, total = 0, num_pairs_among(matcher, number)
    for first, last, left in _blocks(matcher, number):
        row = first
        for scores in score_rows(matcher, maps[first:last], maps[left:], engine, precision, threads):
            distances[row : row + len(scores), left:] = matcher.probabilities(-scores)
            row += len(scores)
            done += scores.size
            if progress is not None:
                progress(done, total)
        if matcher.head != "split":
            distances[last:, first:last] = distances[first:last, last:].T
    return distances


def num_pairs_among(matcher, number):
    """Returns how many pairs `distances_among` must match for so many images.

    Example:
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.matching.distance_matrix import num_pairs_among
        >>> num_pairs_among(qt.QAConv(head="shared"), 2560), num_pairs_among(qt.QAConv(head="split"), 2560)
        (3604480, 6553600)
    """
    return sum((last - first) * (number - left) for first, last, left in _blocks(matcher, number))


def _blocks(matcher, number):
    """Yields (first row, one past the last, first column): what must be matched of a table of so many rows."""
    # The last blocks are not narrower than a block of the gallery, for which the matcher is compiled already.
    narrowest = max(0, number - GALLERY_BLOCK)
    for first in range(0, number, GALLERY_BLOCK):
        yield first, min(first + GALLERY_BLOCK, number), 0 if matcher.head == "split" else min(first, narrowest)


def temporary_map(shape):
    """Returns a float32 memory map of zeros in a file that has no name: it is gone when the map is.

    Example:
        >>> from qaconv_tf.matching.distance_matrix import temporary_map
        >>> numbers = temporary_map((2, 3))
        >>> numbers[1] = 0.5
        >>> numbers.tolist()
        [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]
    """
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.float32, "w+", shape=shape)


def check_temporary_space(num_bytes):
    """Raises a `UserError` if temporary maps of so many bytes will not fit; a full disk would end the process.

    Example:
        >>> from qaconv_tf.matching.distance_matrix import check_temporary_space
        >>> check_temporary_space(1000)
    """
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if num_bytes > free:
        raise UserError(
            f"Expected {num_bytes / 1e9:.1f} GB of free space for temporary files. Received: {free / 1e9:.1f} GB in "
            f"{folder}. Set TMPDIR to a folder with more"
        )
