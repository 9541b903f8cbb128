"""What is nearest in each pixel of a plain view: one triangle after the other, one line of code a step."""

import numpy as np


def nearest_triangles(vertices, triangles, heading, height=96, top=2.1, bottom=-0.1):
    """Looks at a figure from far away, level with it.

    Args:
        vertices: float array `(n, 3)`, y up.
        triangles: int array `(t, 3)`, counter-clockwise as seen from outside.
        heading: float. Radians by which the figure is turned to its left; 0 faces the viewer.

    Returns:
        `(triangle, facing)`, each `(height, height)`: the index of what is nearest, -1 for nothing, and whether its
        outer side is seen.
    """
    cosine, sine = np.cos(heading), np.sin(heading)
    x, y, z = np.asarray(vertices, float).T
    across, towards = cosine * x + sine * z, cosine * z - sine * x
    scale = height / (top - bottom)
    columns, rows = across * scale + height / 2, (top - y) * scale
    depth = np.full((height, height), -np.inf)
    nearest = np.full((height, height), -1)
    facing = np.zeros((height, height), bool)
    for index, (a, b, c) in enumerate(triangles):
        area = (columns[b] - columns[a]) * (rows[c] - rows[a]) - (columns[c] - columns[a]) * (rows[b] - rows[a])
        if area == 0:
            continue
        corners = [a, b, c]
        left, right = int(np.ceil(columns[corners].min() - 0.5)), int(np.floor(columns[corners].max() - 0.5))
        first, last = int(np.ceil(rows[corners].min() - 0.5)), int(np.floor(rows[corners].max() - 0.5))
        for row in range(max(first, 0), min(last, height - 1) + 1):
            for column in range(max(left, 0), min(right, height - 1) + 1):
                px, py = column + 0.5, row + 0.5
                of_a = ((columns[b] - px) * (rows[c] - py) - (columns[c] - px) * (rows[b] - py)) / area
                of_b = ((columns[c] - px) * (rows[a] - py) - (columns[a] - px) * (rows[c] - py)) / area
                of_c = 1 - of_a - of_b
                if min(of_a, of_b, of_c) < -1e-9:
                    continue
                here = of_a * towards[a] + of_b * towards[b] + of_c * towards[c]
                if here > depth[row, column]:
                    depth[row, column], nearest[row, column] = here, index
                    facing[row, column] = area < 0
    return nearest, facing
