"""A net over the skull on which hair and hats are built: where each knot lies on any head."""

import functools

import numpy as np

from qaconv_tf.people.compiled import compiled
from qaconv_tf.people.complexion import HEAD_AXIS
from qaconv_tf.people.faces import HAIRLINE
from qaconv_tf.people.mesh import PARTS
from qaconv_tf.people.template import template

COLUMNS, ROWS = 40, 11
# Of each column of the net: 0 is the front, positive the left.
ANGLES = 2 * np.pi * np.arange(COLUMNS) / COLUMNS - np.pi
_MIDDLE = np.array([0.0, 1.572, HEAD_AXIS - 0.005])


@functools.cache
def scalp_net(rim):
    """The net above a rim.

    Args:
        rim: str. "hair" begins at the hairline, "hat" at a plane above ears and brows, "cap" a little higher.

    Returns:
        `(vertices, shares, home)`: of each knot `(ROWS, COLUMNS)`, from the rim to the crown, three vertices of the
        template, their shares, and the place on the average head.
    """
    body = template()
    head = body.skin[np.isin(body.part[body.skin], (PARTS.index("head"), PARTS.index("neck"))).all(axis=1)]
    head = head[(body.vertices[head, 1] > 1.43).all(axis=1)]
    corners = body.vertices[head].astype(float) - _MIDDLE
    low = _rim_heights(rim)
    vertices = np.empty((ROWS, COLUMNS, 3), int)
    shares = np.empty((ROWS, COLUMNS, 3))
    lowest = np.array([_elevation_of(corners, angle, height) for angle, height in zip(ANGLES, low, strict=True)])
    for row in range(ROWS):
        elevation = lowest + (np.pi / 2 - lowest) * row / (ROWS - 1) * 0.995
        for column, angle in enumerate(ANGLES):
            triangle, shares[row, column], _ = _first_hit(corners, _direction(angle, elevation[column]))
            vertices[row, column] = head[triangle]
    home = np.einsum("rck,rckx->rcx", shares, body.vertices[vertices])
    return vertices, shares, home


def _rim_heights(rim):
    if rim == "hair":
        return np.interp(np.abs(ANGLES), *HAIRLINE)
    return {"hat": 1.583, "cap": 1.592}[rim] + 0.022 * np.cos(ANGLES)


def _direction(angle, elevation):
    return np.array([np.sin(angle) * np.cos(elevation), np.sin(elevation), np.cos(angle) * np.cos(elevation)])


@compiled
def _first_hit(corners, direction):
    """The first triangle that a ray from the origin meets, its shares there, and the distance.

    From the head's middle that is the skull, not the ears beyond it. A ray that slips through between two triangles
    takes the one that it misses by least.
    """
    best, best_miss, best_distance = 0, np.inf, np.inf
    best_share = np.zeros(3)
    x, y, z = direction
    for triangle in range(len(corners)):
        (ax, ay, az), (bx, by, bz), (cx, cy, cz) = corners[triangle]
        bx, by, bz, cx, cy, cz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
        px, py, pz = y * cz - z * cy, z * cx - x * cz, x * cy - y * cx
        determinant = bx * px + by * py + bz * pz
        if abs(determinant) < 1e-15:
            continue
        qx, qy, qz = az * by - ay * bz, ax * bz - az * bx, ay * bx - ax * by
        u = -(ax * px + ay * py + az * pz) / determinant
        v = (qx * x + qy * y + qz * z) / determinant
        distance = (cx * qx + cy * qy + cz * qz) / determinant
        if distance < 0.02:
            continue
        miss = max(-u, -v, u + v - 1, 1e-7)
        if miss < best_miss or (miss == best_miss and distance < best_distance):
            best, best_miss, best_distance = triangle, miss, distance
            best_share[:] = (1 - u - v, u, v)
    return best, best_share, best_distance


def _elevation_of(corners, angle, height):
    """The elevation, seen from the head's middle, at which the skull has a height."""
    low, high = -1.0, 1.5
    for _ in range(14):
        elevation = (low + high) / 2
        direction = _direction(angle, elevation)
        reached = _MIDDLE[1] + direction[1] * _first_hit(corners, direction)[2]
        low, high = (elevation, high) if reached < height else (low, elevation)
    return (low + high) / 2


def on_head(rim, body):
    """The net on somebody's head.

    Args:
        rim: str. As of `scalp_net`.
        body: float32 array. Vertices and joints of `shape_body`.

    Returns:
        `(place, outward, home)`, each `(ROWS, COLUMNS, 3)`: where knots lie, the direction away from the skull, and
        where they lie on the average head.
    """
    vertices, shares, home = scalp_net(rim)
    place = np.einsum("rck,rckx->rcx", shares, body[vertices].astype(float))
    middle = place[:4].mean(axis=(0, 1))
    outward = place - middle
    return place, outward / np.linalg.norm(outward, axis=-1, keepdims=True), home
