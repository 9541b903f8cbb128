"""Solid things of a scene, made of textured rectangles: grids, boxes, cylinders, leaves."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Solid:
    """A piece of a scene.

    Args:
        vertices: `(v, 3)` float32. Metres: x right, y up, z towards the camera.
        triangles: `(t, 3)` int32. Against the clock as seen from outside.
        corner_uv: `(t, 3, 2)` float32. As in `Mesh`.
        material: str. Name of the material, or of its kind, that the scene provides.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    corner_uv: np.ndarray
    material: str

    def placed(self, x, distance, heading=0.0, height=0.0):
        """Returns the piece turned about its upright axis, then moved to a place on the ground or above it."""
        cosine, sine = np.cos(heading), np.sin(heading)
        turned = self.vertices @ np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]], np.float32)
        moved = turned + np.array([x, height, -distance], np.float32)
        return dataclasses.replace(self, vertices=moved.astype(np.float32))


def grid(corner, across, down, material, tile=None, step=None, shift=(0.0, 0.0)):
    """A flat rectangle, cut into smaller ones so that light can vary over it.

    Args:
        corner: 3 floats. Its upper left corner, as seen from the front.
        across: 3 floats. From there to the upper right corner.
        down: 3 floats. From there to the lower left one.
        material: str.
        tile: pair of floats or None. Metres that the texture's width and height cover; None, all of the rectangle.
        step: float or None. Size of the pieces in metres; None does not cut.
        shift: pair of floats. Texture coordinates of the corner.

    Returns:
        `Solid`.
    """
    corner, across, down = (np.asarray(vector, np.float32) for vector in (corner, across, down))
    size = np.linalg.norm(across), np.linalg.norm(down)
    columns, rows = (1 if step is None else max(1, round(float(length) / step)) for length in size)
    right, low = np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1)
    vertices = corner + low[:, None, None] * down + right[None, :, None] * across
    turns = (1.0, 1.0) if tile is None else (size[0] / tile[0], size[1] / tile[1])
    uv = np.stack(np.broadcast_arrays(right[None] * turns[0] + shift[0], low[:, None] * turns[1] + shift[1]), axis=-1)
    index = np.arange((rows + 1) * (columns + 1)).reshape(rows + 1, columns + 1)
    quads = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], axis=-1).reshape(-1, 4)
    return _of_quads(vertices.reshape(-1, 3), quads, uv.reshape(-1, 2)[quads], material)


def _of_quads(vertices, quads, quad_uv, material):
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    uv = np.concatenate([quad_uv[:, [0, 1, 2]], quad_uv[:, [0, 2, 3]]]).astype(np.float32)
    return Solid(np.ascontiguousarray(vertices, np.float32), triangles, uv, material)


def box(width, height, depth, material, tile=None, step=None, top=None, base=0.0):
    """An upright box without a bottom, the middle of its base at the origin.

    Args:
        width: float. Along x, metres.
        height: float.
        depth: float. Along z.
        material: str. Of the sides.
        tile: as of `grid`.
        step: as of `grid`.
        top: str or None. Material of the upper side; None takes `material`.
        base: float. Height of the lower side above the ground.

    Returns:
        List of `Solid`.
    """
    x, y, z = width / 2, height + base, depth / 2
    down = (0, -height, 0)
    sides = [
        ((-x, y, z), (width, 0, 0)),
        ((x, y, -z), (-width, 0, 0)),
        ((x, y, z), (0, 0, -depth)),
        ((-x, y, -z), (0, 0, depth)),
    ]
    faces = [grid(corner, across, down, material, tile, step) for corner, across in sides]
    return [*faces, grid((-x, y, -z), (width, 0, 0), (0, 0, depth), top or material, tile, step)]


def lathe(profile, material, sides=14, cap=None):
    """A round body about the upright axis.

    Args:
        profile: sequence of (radius, height), from the lowest to the highest.
        material: str.
        sides: int. Corners of its section.
        cap: str or None. Material of a flat top; None leaves it open.

    Returns:
        List of `Solid`.
    """
    angles = 2 * np.pi * np.arange(sides) / sides
    circle = np.stack([np.sin(angles), np.zeros(sides), np.cos(angles)], axis=-1)
    rings = [radius * circle + (0, height, 0) for radius, height in profile]
    vertices = np.concatenate(rings)
    ring, side = np.mgrid[0 : len(profile) - 1, 0:sides]
    following = (side + 1) % sides
    quads = np.stack(
        [(ring + 1) * sides + side, ring * sides + side, ring * sides + following, (ring + 1) * sides + following], -1
    ).reshape(-1, 4)
    lowest, highest = profile[0][1], profile[-1][1]
    v = (highest - vertices[:, 1]) / max(highest - lowest, 1e-6)
    u = np.stack([side, side, side + 1, side + 1], axis=-1).reshape(-1, 4) / sides
    body = _of_quads(vertices, quads, np.stack([u, v[quads]], axis=-1), material)
    if cap is None:
        return [body]
    middle = np.array([[0.0, highest, 0.0]])
    upper = np.arange(sides)
    triangles = np.stack([np.full(sides, sides), upper, (upper + 1) % sides], axis=-1).astype(np.int32)
    uv = np.concatenate([rings[-1], middle])[:, [0, 2]] + 0.5
    lid = Solid(
        np.concatenate([rings[-1], middle]).astype(np.float32), triangles, uv[triangles].astype(np.float32), cap
    )
    return [body, lid]


def leaves(random, middle, radii, number, size, material, boxed=False):
    """A cloud of leaves: small turned squares, about an ellipsoid or in a box.

    Args:
        random: `numpy.random.Generator`.
        middle: 3 floats. Metres.
        radii: 3 floats.
        number: int. Of squares.
        size: float. Mean edge of a square, metres.
        material: str.
        boxed: bool. Whether they fill a box's outer layer instead of an ellipsoid's.

    Returns:
        `Solid`.
    """
    directions = random.normal(size=(number, 3))
    directions /= np.abs(directions).max(1)[:, None] if boxed else np.linalg.norm(directions, axis=1)[:, None]
    depth = 1 - 0.35 * random.random((number, 1)) ** 1.5
    centres = np.asarray(middle) + directions * depth * np.asarray(radii)
    # Leaves lie about as the crown's surface does, or crown and hedge would be dark all over.
    normals = directions + 0.7 * random.normal(size=(number, 3))
    normals[:, 1] += 0.3
    first = np.cross(normals, random.normal(size=(number, 3)))
    first /= np.linalg.norm(first, axis=1)[:, None]
    second = np.cross(normals, first)
    second /= np.linalg.norm(second, axis=1)[:, None]
    half = 0.5 * size * random.uniform(0.6, 1.4, (number, 1))
    corners = [centres + half * (a * first + b * second) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    vertices = np.stack(corners, axis=1).reshape(-1, 3)
    quads = np.arange(4 * number).reshape(number, 4)
    place = random.random((number, 1, 2))
    uv = place + np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * 0.25
    return _of_quads(vertices, quads, uv, material)
