"""Shadow maps: what the sun, or a part of the sky, sees first."""

from typing import NamedTuple

import numpy as np

from qaconv_tf.people.compiled import compiled

NOTHING = np.float32(-1e9)


class ShadowMaps(NamedTuple):
    """Pictures of the same place from one or several directions, without perspective.

    Args:
        height: `(directions, size, size)` float32. How far towards the light the first thing lies, in metres from
            `origin`; `NOTHING` where there is none.
        axes: `(directions, 3, 3)` float32. Unit vectors of columns, rows, and towards the light.
        origin: `(3,)` float32. What the middle of each picture shows.
        scale: float32. Texels per metre.
    """

    height: np.ndarray
    axes: np.ndarray
    origin: np.ndarray
    scale: np.float32


def empty_maps(directions, origin, reach, size):
    """Returns maps that hold nothing yet.

    Args:
        directions: `(directions, 3)`. Unit vectors towards the light.
        origin: `(3,)`. Middle of the place.
        reach: float. How far the maps reach from the middle, in metres.
        size: int. Texels along an edge.

    Returns:
        `ShadowMaps`.
    """
    axes = np.stack([_axes(np.asarray(direction, float)) for direction in directions]).astype(np.float32)
    height = np.full((len(axes), size, size), NOTHING, np.float32)
    return ShadowMaps(height, axes, np.asarray(origin, np.float32), np.float32(size / 2 / reach))


def _axes(towards):
    aside = np.array([1.0, 0.0, 0.0]) if abs(towards[0]) < 0.9 else np.array([0.0, 0.0, 1.0])
    columns = np.cross(aside, towards)
    columns /= np.linalg.norm(columns)
    return np.stack([columns, np.cross(towards, columns), towards])


@compiled
def _place(maps, number, x, y, z):
    """Column, row and height of a point in one of the maps."""
    x, y, z = x - maps.origin[0], y - maps.origin[1], z - maps.origin[2]
    axes, middle = maps.axes[number], np.float32(0.5) * maps.height.shape[1]
    column = (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z) * maps.scale + middle
    row = (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z) * maps.scale + middle
    return column, row, axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z


@compiled
def add_triangles(maps, vertices, triangles):
    """Draws triangles into all maps.

    Args:
        maps: `ShadowMaps`, changed.
        vertices: `(v, 3)` float32.
        triangles: `(t, 3)` int32.
    """
    size = maps.height.shape[1]
    placed = np.empty(vertices.shape, np.float32)
    for number in range(len(maps.height)):
        height = maps.height[number]
        for index in range(len(vertices)):
            column, row, level = _place(maps, number, vertices[index, 0], vertices[index, 1], vertices[index, 2])
            placed[index, 0], placed[index, 1], placed[index, 2] = column, row, level
        for index in range(len(triangles)):
            a, b, c = triangles[index, 0], triangles[index, 1], triangles[index, 2]
            xa, ya, xb, yb, xc, yc = placed[a, 0], placed[a, 1], placed[b, 0], placed[b, 1], placed[c, 0], placed[c, 1]
            area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
            if area == 0:
                continue
            first_row, last_row = max(int(np.ceil(min(ya, yb, yc) - 0.5)), 0), min(max(ya, yb, yc) - 0.5, size - 1)
            first, last = max(int(np.ceil(min(xa, xb, xc) - 0.5)), 0), min(max(xa, xb, xc) - 0.5, size - 1)
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
                    level = of_a * placed[a, 2] + of_b * placed[b, 2] + of_c * placed[c, 2]
                    if level > height[row, column]:
                        height[row, column] = level


@compiled
def add_points(maps, vertices):
    """Draws vertices alone into all maps: enough where they are closer together than texels, and much quicker.

    Args:
        maps: `ShadowMaps`, changed.
        vertices: `(v, 3)` float32.
    """
    size = maps.height.shape[1]
    for number in range(len(maps.height)):
        height = maps.height[number]
        for index in range(len(vertices)):
            x, y, level = _place(maps, number, vertices[index, 0], vertices[index, 1], vertices[index, 2])
            if 0 <= x < size and 0 <= y < size and level > height[int(y), int(x)]:
                height[int(y), int(x)] = level


@compiled
def open_sky(maps, points, normals, shift, bias):
    """Returns how much of each direction's light reaches each point, 0 or 1 and between at edges.

    Args:
        maps: `ShadowMaps`.
        points: `(n, 3)` float32.
        normals: `(n, 3)` float32. Points are moved along them before they are looked up.
        shift: float. By how much, in metres: a texel or so, else a surface would hide itself.
        bias: float. What is at most this much nearer to the light, in metres, hides nothing.

    Returns:
        `(n, directions)` float32. Where the surface faces away from a direction, 0.
    """
    size = maps.height.shape[1]
    visible = np.zeros((len(points), len(maps.height)), np.float32)
    for number in range(len(maps.height)):
        height, towards = maps.height[number], maps.axes[number, 2]
        for index in range(len(points)):
            normal = normals[index]
            if normal[0] * towards[0] + normal[1] * towards[1] + normal[2] * towards[2] <= 0:
                continue
            x, y, level = _place(
                maps,
                number,
                points[index, 0] + shift * normal[0],
                points[index, 1] + shift * normal[1],
                points[index, 2] + shift * normal[2],
            )
            column, row, level = int(np.floor(x - 0.5)), int(np.floor(y - 0.5)), level + bias
            if column < 0 or row < 0 or column + 1 >= size or row + 1 >= size:
                visible[index, number] = 1.0
                continue
            right, down = x - 0.5 - column, y - 0.5 - row
            above = (1 - right) * (height[row, column] <= level) + right * (height[row, column + 1] <= level)
            below = (1 - right) * (height[row + 1, column] <= level) + right * (height[row + 1, column + 1] <= level)
            visible[index, number] = (1 - down) * above + down * below
    return visible


@compiled
def sky_light(visible, normals, directions, colours, walls, open_place, bounce):
    """Adds up the light of the sky at each point.

    Args:
        visible: `(n, directions)` float32, of `open_sky`.
        normals: `(n, 3)` float32.
        directions: `(directions, 3)` float32.
        colours: `(directions, 3)` float32. Light of each direction.
        walls: `(3,)` float32. Light that comes instead of it from what stands around.
        open_place: `(directions,)` float32. How much of each direction's sky the place as a whole sees.
        bounce: `(3,)` float32. Light from the ground.

    Returns:
        `(n, 3)` float32.
    """
    light = np.empty((len(normals), 3), np.float32)
    for index in range(len(normals)):
        red, green, blue, seen, all_seen = 0.0, 0.0, 0.0, 0.0, 1e-6
        for number in range(len(directions)):
            facing = (
                normals[index, 0] * directions[number, 0]
                + normals[index, 1] * directions[number, 1]
                + normals[index, 2] * directions[number, 2]
            )
            if facing > 0:
                all_seen += facing
                share = facing * visible[index, number]
                seen += share
                sky = open_place[number]
                red += share * (sky * colours[number, 0] + (1 - sky) * walls[0])
                green += share * (sky * colours[number, 1] + (1 - sky) * walls[1])
                blue += share * (sky * colours[number, 2] + (1 - sky) * walls[2])
        # The ground's light finds its way where the sky's does.
        below = (0.5 - 0.5 * normals[index, 1]) * (0.35 + 0.65 * seen / all_seen)
        light[index, 0] = red + below * bounce[0]
        light[index, 1] = green + below * bounce[1]
        light[index, 2] = blue + below * bounce[2]
    return light
