"""How cloth falls: from wherever the body stands out it hangs down, and only slowly finds back to the body below."""

import functools

import numpy as np
from scipy.spatial import cKDTree

from qaconv_tf.people.template import ARMS, TRUNK, TUBES, template
from qaconv_tf.people.tubes import tube_coordinates

COLUMNS = 32
HIPS = 0.86  # height on the average body down to which the trunk is one tube
# Of each tube, from where cloth hangs to where it ends, on the average body: heights of the trunk, metres along limbs.
_SPANS = {"trunk": (1.30, HIPS), "arm": (0.03, 0.44), "leg": (0.02, 0.80)}
_ROWS = {"trunk": 20, "arm": 16, "leg": 24}


@functools.cache
def _grid(tube):
    """The rows' places along the average body's tube, and of each node its nearest vertices and their shares."""
    body = template()
    kind = TUBES[tube].split("_")[0]
    rows = np.linspace(*_SPANS[kind], _ROWS[kind])
    ours = np.unique(body.tights)
    # Of the trunk, hips count although they move with the thighs.
    arm = np.isin(body.tube[ours], ARMS)
    ours = ours[(~arm & (body.vertices[ours, 1] > HIPS - 0.012)) if tube == TRUNK else body.tube[ours] == tube]
    along, angle, _, _ = tube_coordinates(tube, body.vertices, body.vertices[ours])
    # A radian counts as much as its arc.
    scale = 0.13 if kind == "trunk" else 0.06
    turns = np.array([-1, 0, 1])[:, None]
    known = np.stack([np.tile(along, 3), scale * (angle + 2 * np.pi * turns).ravel()], axis=1)
    node_along, node_angle = np.meshgrid(rows, 2 * np.pi * np.arange(COLUMNS) / COLUMNS - np.pi, indexing="ij")
    nodes = np.stack([node_along.ravel(), scale * node_angle.ravel()], axis=1)
    distance, corners = cKDTree(known).query(nodes, k=4)
    shares = 1 / (distance**2 + 0.004**2)
    shares /= shares.sum(axis=1, keepdims=True)
    return rows, ours[corners % len(ours)], shares


def tube_profile(tube, body):
    """How far the body reaches out around a tube.

    Args:
        tube: int. Index into `TUBES`.
        body: float32 array. Vertices and joints of `shape_body`.

    Returns:
        `(along, radius)`: `(rows, COLUMNS)` arrays of metres, from top to bottom; columns from the back over the right
        side (front at `COLUMNS / 2`) round to the back.
    """
    rows, vertices, shares = _grid(tube)
    used, index = np.unique(vertices, return_inverse=True)
    along, _, radius, _ = tube_coordinates(tube, body, body[used])
    shape = (len(rows), COLUMNS)
    index = index.reshape(vertices.shape)
    along = np.mean((along[index] * shares).sum(axis=1).reshape(shape), axis=1, keepdims=True)
    return np.broadcast_to(along, shape), (radius[index] * shares).sum(axis=1).reshape(shape)


def hang(along, radius, ease, cling, flare=0.0, smooth=1):
    """Lets cloth hang over a profile.

    Args:
        along: array `(rows, columns)`. Of `tube_profile`, from top to bottom.
        radius: array of the same shape. Of `tube_profile`.
        ease: float or array `(rows, 1)`. Metres between body and cloth.
        cling: float. How fast cloth returns to the body below a place that stands out: metres a metre; 0 hangs
            straight, 10 follows the body.
        flare: float or array `(rows,)`. How fast it widens anyway, metres a metre.
        smooth: int. How often neighbouring columns are averaged: cloth spans hollows.

    Returns:
        float array `(rows, columns)`. The cloth's radius.
    """
    cloth = radius + ease
    step = np.abs(np.diff(along[:, 0]))
    flares = np.broadcast_to(flare, len(along))
    for row in range(1, len(cloth)):
        cloth[row] = np.maximum(cloth[row], cloth[row - 1] - cling * step[row - 1])
        cloth[row] += flares[row] * step[row - 1]
    for _ in range(smooth):
        spanned = 0.25 * np.roll(cloth, 1, axis=1) + 0.5 * cloth + 0.25 * np.roll(cloth, -1, axis=1)
        cloth = np.maximum(cloth, spanned)
    return cloth


def sample(along, values, at, angle):
    """Interpolates a profile's values at places `at` along the tube and angles, arrays `(n,)`."""
    rows = along[:, 0]
    sign = 1 if rows[-1] > rows[0] else -1
    row = np.interp(sign * at, sign * rows, np.arange(len(rows)))
    column = (angle + np.pi) / (2 * np.pi) * COLUMNS
    top, left = np.floor(row).astype(int), np.floor(column).astype(int)
    down, across = row - top, column - left
    bottom, right = np.minimum(top + 1, len(rows) - 1), (left + 1) % COLUMNS
    left %= COLUMNS
    upper = values[top, left] * (1 - across) + values[top, right] * across
    lower = values[bottom, left] * (1 - across) + values[bottom, right] * across
    return upper * (1 - down) + lower * down
