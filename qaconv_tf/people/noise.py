"""Random fields that wrap: the dirt, grain and unevenness of every surface."""

import numpy as np


def fractal(random, size, exponent, stretch=1.0):
    """Draws a smooth random field whose frequencies fade as frequency ** -exponent.

    Args:
        random: `numpy.random.Generator`.
        size: int. Edge in pixels; the field repeats at its edges without a seam.
        exponent: float. 0 is white noise, 1 grain with patches, 2 clouds.
        stretch: float. How much longer patches are along columns (down) than along rows. Defaults to `1.0`.

    Returns:
        `(size, size)` float32 of mean 0 and standard deviation 1.
    """
    rows, columns = np.fft.fftfreq(size)[:, None] * size, np.fft.rfftfreq(size)[None] * size
    frequency = np.sqrt((rows * stretch) ** 2 + columns**2)
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(random.standard_normal((size, size), np.float32)) / frequency**exponent
    field = np.fft.irfft2(spectrum, (size, size))
    return ((field - field.mean()) / (field.std() + 1e-9)).astype(np.float32)


def cells(random, rows, columns, size):
    """Draws one number for each cell of a `(rows, columns)` raster, and spreads them over `(size, size)` pixels.

    Returns:
        `(size, size)` float32, normally distributed over the cells.
    """
    values = random.standard_normal((rows, columns)).astype(np.float32)
    down = np.arange(size) * rows // size
    return values[down[:, None], (np.arange(size) * columns // size)[None]]


def joints(rows, columns, size, width, shift=0.0):
    """Marks the joints of bricks or slabs.

    Args:
        rows: int. Courses over the texture; even, if `shift` is not 0.
        columns: int. Slabs along a course.
        size: int. Pixels along an edge.
        width: float. Of the joints, in pixels.
        shift: float. How far every other course is shifted, in slabs.

    Returns:
        Tuple of (joint, row, column): `(size, size)` float32, 1 in a joint and 0 off it; and each pixel's slab, int.
    """
    down, across = np.mgrid[0:size, 0:size].astype(np.float32) + 0.5
    along = down * rows / size
    row = along.astype(int)
    beside = (across * columns / size + shift * (row % 2)) % columns
    column = beside.astype(int)
    to_edge = (
        np.minimum(
            np.minimum(along - row, 1 - (along - row)) / rows,
            np.minimum(beside - column, 1 - (beside - column)) / columns,
        )
        * size
    )
    return np.clip(0.5 * width - to_edge + 0.5, 0, 1).astype(np.float32), row, column
