"""Plain forms: tubes along a path, lofts, and boxes with rounded edges."""

import numpy as np


def grid_triangles(rows, columns, closed):
    """Triangles of a grid of vertices, row after row; `closed` joins the last column to the first. int `(t, 3)`."""
    index = np.arange(rows * columns).reshape(rows, columns)
    if closed:
        index = np.concatenate([index, index[:, :1]], axis=1)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    return np.concatenate([np.stack(corners, axis=-1).reshape(-1, 3) for corners in ((a, b, c), (b, d, c))])


def grid_uv(rows, columns, closed):
    """Texture coordinates of the corners of `grid_triangles`: u once around, v once along. `(t, 3, 2)`."""
    wide = columns + 1 if closed else columns
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, wide), indexing="ij")
    place = np.stack([u, v], axis=-1)
    a, b, c, d = place[:-1, :-1], place[:-1, 1:], place[1:, :-1], place[1:, 1:]
    return np.concatenate([np.stack(corners, axis=-2).reshape(-1, 3, 2) for corners in ((a, b, c), (b, d, c))])


def grid(rings, closed):
    """A surface through `rings` `(rows, columns, 3)`: `(vertices, triangles, corner_uv)`."""
    rows, columns, _ = rings.shape
    return rings.reshape(-1, 3), grid_triangles(rows, columns, closed), grid_uv(rows, columns, closed)


def facing_out(vertices, triangles):
    """The triangles, turned over if the closed form that they make is inside out."""
    corners = vertices[triangles]
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum()
    return triangles if volume >= 0 else triangles[:, ::-1]


def closed_loft(rings):
    """Closes rings `(rows, columns, 3)` to a skin by a middle point at each end.

    Returns:
        `(vertices, triangles, corner_uv)`; u runs around, v along.
    """
    rows, columns, _ = rings.shape
    ends = np.repeat(rings[[0, -1]].mean(axis=1, keepdims=True), columns, axis=1)
    rings = np.concatenate([ends[:1], rings, ends[1:]])
    vertices = rings.reshape(-1, 3)
    triangles, uv = grid_triangles(rows + 2, columns, closed=True), grid_uv(rows + 2, columns, closed=True)
    corners = vertices[triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    solid = area > 1e-12
    triangles, uv = triangles[solid], uv[solid]
    turned = facing_out(vertices, triangles)
    return vertices, turned, uv if turned is triangles else uv[:, ::-1]


def sweep(path, radii, columns=8, flat=1.0):
    """A tube along a path.

    Args:
        path: array `(rows, 3)`.
        radii: float or array `(rows,)`.
        columns: int. Vertices around.
        flat: float. Thickness across the path's own plane beside the width in it: 0.3 is a strap.

    Returns:
        `(vertices, triangles, corner_uv)`, closed.
    """
    path = np.asarray(path, float)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.cross(along, np.array([0.31, 0.11, 0.94]))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(along, side)
    angle = 2 * np.pi * np.arange(columns) / columns
    radii = np.broadcast_to(np.asarray(radii, float), len(path))[:, None, None]
    rings = path[:, None] + radii * (
        np.cos(angle)[None, :, None] * side[:, None] + flat * np.sin(angle)[None, :, None] * up[:, None]
    )
    return closed_loft(rings)


def rounded_box(middle, half, roundness=0.35, rows=9, columns=20):
    """A box with rounded edges.

    Args:
        middle: 3 floats.
        half: 3 floats. Half of its width, height, depth.
        roundness: float. 1 is an ellipsoid, towards 0 a sharp box.
        rows: int. Vertices from below to above.
        columns: int. Vertices around.

    Returns:
        `(vertices, triangles, corner_uv)`; u = 0.5 faces forward (z).
    """
    latitude = np.linspace(-np.pi / 2, np.pi / 2, rows + 2)[1:-1, None]
    longitude = (2 * np.pi * np.arange(columns) / columns - np.pi)[None]

    def power(values):
        return np.sign(values) * np.abs(values) ** roundness

    unit = np.stack(
        [
            power(np.cos(latitude)) * power(np.sin(longitude)),
            power(np.sin(latitude)) * np.ones_like(longitude),
            power(np.cos(latitude)) * power(np.cos(longitude)),
        ],
        axis=-1,
    )
    return closed_loft(np.asarray(middle) + unit * np.asarray(half))
