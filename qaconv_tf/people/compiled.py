"""Compilation of the loops over triangles and pixels; what is compiled once is kept on disk."""

from qaconv_tf.errors import UserError

try:
    import numba
except ImportError as error:
    raise UserError(
        f"Expected the package numba, which draws generated people. Received: {error}. Run: pip install numba"
    ) from error

# Not all of "fastmath": body-surface coordinates of carried things are NaN, which "nnan" would be free to lose.
_OPTIONS = {"fastmath": {"contract", "arcp", "nsz", "afn"}, "error_model": "numpy"}


def compiled(function):
    """Compiles a function of numbers and arrays when it is first called.

    The machine code is kept beside the source, or in the user's cache where the package is read-only (`NUMBA_CACHE_DIR`
    names another place); where nothing can be written, every process compiles anew. What is kept is renewed when the
    function's own file changes, not when another one does: so a compiled function may call only those of its own file.

    Args:
        function: a Python function within what numba compiles.

    Returns:
        The compiled function.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.people.compiled import compiled
        >>> @compiled
        ... def total(values):
        ...     result = 0.0
        ...     for value in values:
        ...         result += value
        ...     return result
        >>> total(np.arange(4.0))
        6.0
    """
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # numba finds no folder to keep it in
        return numba.njit(**_OPTIONS)(function)
