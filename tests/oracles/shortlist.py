"""The short list by plain loops."""

import numpy as np


def pooled(one_map, height, width):
    """Means over cells, normalised: cell `i` of `height` begins at row `i * full_height // height`."""
    full_height, full_width, channels = one_map.shape
    result = np.empty((height, width, channels))
    for i in range(height):
        for j in range(width):
            rows = range(i * full_height // height, (i + 1) * full_height // height)
            columns = range(j * full_width // width, (j + 1) * full_width // width)
            mean = sum(np.float64(one_map[row, column]) for row in rows for column in columns)
            result[i, j] = mean / np.sqrt(mean @ mean)
    return result


def listed(coarse_row, size):
    """Columns of the largest, of equal ones the first."""
    return sorted(range(len(coarse_row)), key=lambda column: (-coarse_row[column], column))[:size]


def ranking(exact_row, coarse_row, size):
    """Columns in the order of the ranking: what is listed by its exact scores, then the others by their coarse ones."""
    first = listed(coarse_row, size)
    others = [column for column in range(len(coarse_row)) if column not in first]
    ranked = sorted(first, key=lambda column: (-exact_row[column], column))
    return ranked + sorted(others, key=lambda column: (-coarse_row[column], column))
