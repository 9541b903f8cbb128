"""The z-buffer: which triangle each sample of the picture shows, and how far away it is."""

import numpy as np

from qaconv_tf.people.compiled import compiled


@compiled
def rasterize(screen, triangles, two_sided, number, inverse_depth, triangle_of, mesh_of):
    """Draws the triangles of a mesh where they are nearer than what is there.

    Args:
        screen: `(v, 3)` float32. Column, row, and 1 / distance of each vertex; not positive behind the camera.
        triangles: `(t, 3)` int32. Seen from outside, corners go around against the clock. A triangle that reaches
            behind the camera is left out.
        two_sided: `(t,)` bool. Whether a triangle is also seen from inside.
        number: int. Of the mesh.
        inverse_depth: `(rows, columns)` float32, changed. 1 / distance, 0 where there is nothing.
        triangle_of: `(rows, columns)` int32, changed. Index of the triangle.
        mesh_of: `(rows, columns)` int8, changed. Number of the mesh.
    """
    rows, columns = inverse_depth.shape
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        za, zb, zc = screen[a, 2], screen[b, 2], screen[c, 2]
        if min(za, zb, zc) <= 0:
            continue
        xa, ya, xb, yb, xc, yc = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        # Rows count downwards, so what goes against the clock has a negative area.
        if area == 0 or (area > 0 and not two_sided[index]):
            continue
        first_row, last_row = max(int(np.ceil(min(ya, yb, yc) - 0.5)), 0), min(max(ya, yb, yc) - 0.5, rows - 1)
        first, last = max(int(np.ceil(min(xa, xb, xc) - 0.5)), 0), min(max(xa, xb, xc) - 0.5, columns - 1)
        if first_row > last_row or first > last:
            continue
        for row in range(first_row, int(last_row) + 1):
            y = row + 0.5
            for column in range(first, int(last) + 1):
                x = column + 0.5
                of_a = ((xb - x) * (yc - y) - (xc - x) * (yb - y)) / area
                of_b = ((xc - x) * (ya - y) - (xa - x) * (yc - y)) / area
                of_c = 1 - of_a - of_b
                if of_a < 0 or of_b < 0 or of_c < 0:
                    continue
                nearness = of_a * za + of_b * zb + of_c * zc
                if nearness > inverse_depth[row, column]:
                    inverse_depth[row, column] = nearness
                    triangle_of[row, column] = index
                    mesh_of[row, column] = number


@compiled
def vertex_normals(vertices, triangles):
    """Smooth normals: the mean of the triangles around each vertex, by their areas.

    Args:
        vertices: `(v, 3)` float32.
        triangles: `(t, 3)` int32.

    Returns:
        `(v, 3)` float32, of length 1.
    """
    normals = np.zeros(vertices.shape, np.float32)
    for index in range(len(triangles)):
        a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
        x1, y1, z1 = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        x2, y2, z2 = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        x, y, z = y1 * z2 - z1 * y2, z1 * x2 - x1 * z2, x1 * y2 - y1 * x2
        for corner in (a, b, c):
            normals[corner, 0] += x
            normals[corner, 1] += y
            normals[corner, 2] += z
    for index in range(len(normals)):
        x, y, z = normals[index, 0], normals[index, 1], normals[index, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0:
            normals[index, 0], normals[index, 1], normals[index, 2] = x / length, y / length, z / length
        else:
            normals[index, 1] = 1.0  # a vertex of no triangle, or of triangles without area
    return normals
