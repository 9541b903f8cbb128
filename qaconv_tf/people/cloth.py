"""Cloth: a mesh that can be cut along any line, and the finished piece of a dressed body that it becomes."""

import dataclasses

import numpy as np

from qaconv_tf.people.mesh import Material


@dataclasses.dataclass(frozen=True, eq=False)
class Cloth:
    """A mesh under the scissors. Whatever is known of a vertex is a row of `values`, so that a cut interpolates it all.

    Args:
        values: float array `(num_vertices, 9 + num_joints)`: where the vertex is on this body at rest, where it is on
            the average body (its home), the place of the skin that it covers, and the weight of each joint.
        triangles: int array `(num_triangles, 3)`.
        label: uint8 array `(num_triangles,)`. The tube that each triangle belongs to, an index into `TUBES`.
    """

    values: np.ndarray
    triangles: np.ndarray
    label: np.ndarray

    @property
    def place(self):
        """Where vertices are on this body at rest, `(n, 3)`."""
        return self.values[:, 0:3]

    @property
    def home(self):
        """Where vertices are on the average body, `(n, 3)`."""
        return self.values[:, 3:6]

    @property
    def surface(self):
        """The place of the average body's skin that each vertex covers, `(n, 3)`."""
        return self.values[:, 6:9]

    @property
    def weights(self):
        """How much each joint moves each vertex, `(n, num_joints)`."""
        return self.values[:, 9:]

    def moved(self, place):
        """The same cloth with its vertices elsewhere."""
        return dataclasses.replace(self, values=np.concatenate([place, self.values[:, 3:]], axis=1))

    def chosen(self, triangles):
        """The cloth of some triangles, a mask; vertices that no triangle uses are dropped."""
        used, renumbered = np.unique(self.triangles[triangles], return_inverse=True)
        return Cloth(self.values[used], renumbered.reshape(-1, 3), self.label[triangles])

    def cut(self, amount):
        """Keeps the part in which `amount`, a value for each vertex, is positive; the cut follows its zero exactly."""
        values, triangles, source = cut(self.values, self.triangles, amount)
        return Cloth(values, triangles, self.label[source]).chosen(slice(None))

    def joined(self, other):
        """Both cloths in one, sharing no vertex."""
        triangles = np.concatenate([self.triangles, other.triangles + len(self.values)])
        return Cloth(np.concatenate([self.values, other.values]), triangles, np.concatenate([self.label, other.label]))


def cut(values, triangles, amount):
    """Cuts a mesh where an amount passes zero.

    Args:
        values: float array `(n, k)`. Of each vertex.
        triangles: int array `(t, 3)`.
        amount: float array `(n,)`. Kept is what is positive.

    Returns:
        `(values, triangles, source)`: old and new vertices, the triangles that are left, and of each the old triangle
        that it was a part of. Triangles keep their orientation.
    """
    # A vertex almost on the line would leave slivers: it counts as inside.
    amount = np.where(np.abs(amount) < 1e-5, 1e-5, amount)
    inside = amount[triangles] > 0
    count = inside.sum(axis=1)
    whole = np.flatnonzero(count == 3)
    pieces, sources = [triangles[whole]], [whole]
    edges = []
    for number in (1, 2):
        rows = np.flatnonzero(count == number)
        # The corner that differs from both others comes first.
        first = np.argmax(inside[rows] == (number == 1), axis=1)
        a, b, c = (triangles[rows, (first + step) % 3] for step in range(3))
        edges += [np.stack([a, b], axis=1), np.stack([a, c], axis=1)]
        pieces.append((a, b, c))
        sources.append(rows)
    edges = np.concatenate(edges)
    edges.sort(axis=1)
    unique, index = np.unique(edges, axis=0, return_inverse=True)
    share = amount[unique[:, 0]] / (amount[unique[:, 0]] - amount[unique[:, 1]])
    new = values[unique[:, 0]] + share[:, None] * (values[unique[:, 1]] - values[unique[:, 0]])
    one, two = len(sources[1]), len(sources[2])
    new_on = np.split(index.ravel() + len(values), np.cumsum([one, one, two]))
    (a1, _, _), (_, b2, c2) = pieces[1:]
    kept = [
        pieces[0],
        np.stack([a1, new_on[0], new_on[1]], axis=1),
        np.stack([new_on[2], b2, c2], axis=1),
        np.stack([new_on[2], c2, new_on[3]], axis=1),
    ]
    source = np.concatenate([sources[0], sources[1], sources[2], sources[2]])
    return np.concatenate([values, new]), np.concatenate(kept), source


@dataclasses.dataclass(frozen=True, eq=False)
class Piece:
    """A finished part of a dressed body.

    Args:
        vertices: float array `(n, 3)`. At rest.
        triangles: int array `(t, 3)`.
        corner_uv: float array `(t, 3, 2)`. As of `Mesh`.
        weights: float array `(n, num_joints)`. Rows add up to 1.
        part: uint8 array `(t,)`. Index into `PARTS`.
        surface: float array `(n, 3)`. As of `Mesh`.
        material: `Material`.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    corner_uv: np.ndarray
    weights: np.ndarray
    part: np.ndarray
    surface: np.ndarray
    material: Material


def unwrapped(uv):
    """Corner coordinates `(t, 3, 2)` whose `u` does not jump inside of a triangle that crosses the seam."""
    span = uv[..., 0].max(axis=1) - uv[..., 0].min(axis=1)
    jump = (span > 0.5)[:, None] & (uv[..., 0] < 0.5)
    uv[..., 0] += jump
    return uv


def vertex_normals(vertices, triangles):
    """Normals `(n, 3)` of length 1: the area-weighted mean of the triangles around each vertex."""
    corners = vertices[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(vertices)
    for axis in range(3):
        for corner in range(3):
            total[:, axis] += np.bincount(triangles[:, corner], normal[:, axis], minlength=len(vertices))
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
