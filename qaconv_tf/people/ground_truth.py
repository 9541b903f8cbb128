"""Ground truth that no photograph has: for each pixel the part of the body, and the place on the body's surface."""

import numpy as np

from qaconv_tf.people.compiled import compiled


@compiled
def measure(mesh_of, triangle_of, number, screen, triangles, part, surface):
    """Finds what each pixel shows of one mesh.

    Args:
        mesh_of: `(rows, columns)` int8. Of the picture's samples, two by two to a pixel.
        triangle_of: `(rows, columns)` int32.
        number: int. The mesh's.
        screen: `(v, 3)` float32. Column, row, 1 / distance of its vertices, in samples.
        triangles: `(t, 3)` int32.
        part: `(t,)` uint8.
        surface: `(v, 3)` float32.

    Returns:
        Tuple of `parts`, `(rows / 2, columns / 2)` uint8: 0, or 1 + the part that most of the pixel's samples show, if
        at least two of the four show the mesh; and `places`, `(rows / 2, columns / 2, 3)` float32: the mean place of
        the samples that show this part, NaN where there is none.
    """
    rows, columns = mesh_of.shape[0] // 2, mesh_of.shape[1] // 2
    parts = np.zeros((rows, columns), np.uint8)
    places = np.full((rows, columns, 3), np.nan, np.float32)
    found = np.full(4, -1, np.int64)
    mean = np.zeros(3)
    for row in range(rows):
        for column in range(columns):
            hits, most, winner = 0, 0, -1
            for step in range(4):
                i, j = 2 * row + step // 2, 2 * column + step % 2
                found[step] = part[triangle_of[i, j]] if mesh_of[i, j] == number else -1
                hits += found[step] >= 0
            for step in range(4):
                same = 0
                for other in range(4):
                    same += found[other] == found[step]
                # Of parts that share a pixel evenly the lowest counts.
                if found[step] >= 0 and (same > most or (same == most and found[step] < winner)):
                    most, winner = same, found[step]
            if hits < 2:
                continue
            parts[row, column] = winner + 1
            mean[:] = 0
            for step in range(4):
                if found[step] != winner:
                    continue
                i, j = 2 * row + step // 2, 2 * column + step % 2
                index = triangle_of[i, j]
                a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
                x, y = j + 0.5, i + 0.5
                xa, ya, xb, yb, xc, yc = (
                    screen[a, 0],
                    screen[a, 1],
                    screen[b, 0],
                    screen[b, 1],
                    screen[c, 0],
                    screen[c, 1],
                )
                area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
                of_a = ((xb - x) * (yc - y) - (xc - x) * (yb - y)) / area
                of_b = ((xc - x) * (ya - y) - (xa - x) * (yc - y)) / area
                of_c = (1 - of_a - of_b) * screen[c, 2]
                of_a, of_b = of_a * screen[a, 2], of_b * screen[b, 2]
                whole = (of_a + of_b + of_c) * most
                for axis in range(3):
                    mean[axis] += (surface[a, axis] * of_a + surface[b, axis] * of_b + surface[c, axis] * of_c) / whole
            for axis in range(3):
                places[row, column, axis] = mean[axis]
    return parts, places
