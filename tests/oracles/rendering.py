"""Plain oracles for the renderer: every sample asks every triangle."""

import numpy as np


def nearest_triangles(screen, triangles, two_sided, rows, columns):
    """Returns (1 / depth, index) of the nearest triangle of each sample, 0 and -1 where there is none."""
    depth, index = np.zeros((rows, columns)), np.full((rows, columns), -1)
    for row in range(rows):
        for column in range(columns):
            for number, corners in enumerate(triangles):
                points = screen[corners].astype(float)
                if (points[:, 2] <= 0).any():
                    continue
                weights = barycentric(points[:, :2], np.array([column + 0.5, row + 0.5]))
                clockwise = np.linalg.det(np.c_[points[:, :2], np.ones(3)]) > 0
                if (clockwise and not two_sided[number]) or weights is None or (weights < 0).any():
                    continue
                nearness = weights @ points[:, 2]
                if nearness > depth[row, column]:
                    depth[row, column], index[row, column] = nearness, number
    return depth, index


def barycentric(corners, point):
    """Weights of three corners `(3, 2)` that make the point, or None for corners in a line."""
    system = np.vstack([corners.T, np.ones(3)])
    if abs(np.linalg.det(system)) < 1e-12:
        return None
    return np.linalg.solve(system, [*point, 1])


def first_hit(origin, direction, vertices, triangles):
    """Distance along a ray to the first triangle, in lengths of `direction`, or infinity; from both sides."""
    nearest = np.inf
    for corners in triangles:
        a, b, c = vertices[corners].astype(float)
        system = np.stack([b - a, c - a, -np.asarray(direction, float)], axis=1)
        if abs(np.linalg.det(system)) < 1e-12:
            continue
        right, low, distance = np.linalg.solve(system, np.asarray(origin, float) - a)
        if right >= 0 and low >= 0 and right + low <= 1 and 1e-9 < distance < nearest:
            nearest = distance
    return nearest


def most_common_part(parts):
    """The part that most of a pixel's samples show, the lowest of equals; 0 where fewer than two show any."""
    seen = [part for part in parts if part >= 0]
    if len(seen) < 2:
        return 0
    return 1 + min(seen, key=lambda part: (-seen.count(part), part))
