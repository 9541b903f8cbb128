"""Cloth: a mesh that can be cut along any line, and the finished piece of a dressed body that it becomes."""

import dataclasses

import numpy as np

from qaconv_tf.people.mesh import PARTS, Material
from qaconv_tf.people.template import template


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
        used, renumbered = compacted(self.triangles[triangles], len(self.values))
        return Cloth(self.values[used], renumbered, self.label[triangles])

    def cut(self, amount):
        """Keeps the part in which `amount`, a value for each vertex, is positive; the cut follows its zero exactly."""
        edges, share, triangles, source = cut(self.triangles, amount)
        return Cloth(with_edges(self.values, edges, share), triangles, self.label[source]).chosen(slice(None))

    def joined(self, other):
        """Both cloths in one, sharing no vertex."""
        triangles = np.concatenate([self.triangles, other.triangles + len(self.values)])
        return Cloth(np.concatenate([self.values, other.values]), triangles, np.concatenate([self.label, other.label]))


def compacted(triangles, num_vertices):
    """The vertices that triangles use, in order, and the triangles in numbers of these."""
    used = np.zeros(num_vertices, bool)
    used[triangles] = True
    return np.flatnonzero(used), (np.cumsum(used) - 1)[triangles]


def cut(triangles, amount):
    """Cuts a mesh where an amount passes zero.

    Args:
        triangles: int array `(t, 3)`.
        amount: float array `(num_vertices,)`. Kept is what is positive.

    Returns:
        `(edges, share, triangles, source)`: new vertices lie on `edges` `(m, 2)`, a `share` `(m,)` of the way from the
        first to the second, and count on after the old ones; the triangles that are left, and of each the old triangle
        that it was a part of. Triangles keep their orientation.
    """
    # A vertex almost on the line would leave slivers: it counts as inside.
    amount = np.where(np.abs(amount) < 1e-5, 1e-5, amount)
    inside = amount[triangles] > 0
    count = inside.sum(axis=1)
    whole = np.flatnonzero(count == 3)
    corners, edges, sources = [], [], []
    for number in (1, 2):
        rows = np.flatnonzero(count == number)
        # The corner that differs from both others comes first.
        first = np.argmax(inside[rows] == (number == 1), axis=1)
        a, b, c = (triangles[rows, (first + step) % 3] for step in range(3))
        edges += [np.stack([a, b], axis=1), np.stack([a, c], axis=1)]
        corners.append((a, b, c))
        sources.append(rows)
    edges = np.sort(np.concatenate(edges), axis=1)
    # Neighbours meet at the same new vertex.
    code, index = np.unique(edges[:, 0].astype(np.int64) * len(amount) + edges[:, 1], return_inverse=True)
    edges = np.stack([code // len(amount), code % len(amount)], axis=1)
    one, two = len(sources[0]), len(sources[1])
    ab1, ac1, ab2, ac2 = np.split(index + len(amount), np.cumsum([one, one, two]))
    (a, _, _), (_, b, c) = corners
    kept = [triangles[whole], np.stack([a, ab1, ac1], 1), np.stack([ab2, b, c], 1), np.stack([ab2, c, ac2], 1)]
    before, after = amount[edges[:, 0]], amount[edges[:, 1]]
    source = np.concatenate([whole, sources[0], sources[1], sources[1]])
    return edges, before / (before - after), np.concatenate(kept), source


def with_edges(values, edges, share):
    """The rows of `values` and, after them, those interpolated on `edges`, as of `cut`."""
    start = values[edges[:, 0]]
    return np.concatenate([values, start + share[:, None].astype(values.dtype) * (values[edges[:, 1]] - start)])


@dataclasses.dataclass(frozen=True, eq=False)
class Piece:
    """A finished part of a dressed body.

    Args:
        vertices: float array `(n, 3)`. At rest.
        triangles: int array `(t, 3)`.
        corner_uv: float array `(t, 3, 2)`. As of `Mesh`.
        bones: uint8 array `(n, 4)`. The joints that move each vertex.
        weights: float32 array `(n, 4)`. How much; rows add up to 1.
        part: uint8 array `(t,)`. Index into `PARTS`.
        surface: float array `(n, 3)`. As of `Mesh`.
        material: `Material`.
        clear: float array `(n,)` or None. How far each vertex must stay off moving legs; 0 does not.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    corner_uv: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    part: np.ndarray
    surface: np.ndarray
    material: Material
    clear: np.ndarray | None = None


def strongest(weights):
    """The four strongest joints of each vertex and their shares, of dense weights `(n, num_joints)`."""
    bones = np.argpartition(-weights.astype(np.float32), 4, axis=1)[:, :4]
    shares = np.take_along_axis(weights, bones, axis=1)
    return bones.astype(np.uint8), (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def between(first, second, share):
    """Joints and weights of vertices that move with a joint by `1 - share` `(n,)` and with another by `share`."""
    bones, weights = np.zeros((len(share), 4), np.uint8), np.zeros((len(share), 4), np.float32)
    bones[:, 0], bones[:, 1] = template().joints[first], template().joints[second]
    weights[:, 0], weights[:, 1] = 1 - share, share
    return bones, weights


def solid_piece(form, material, joint, part, surface=None):
    """A `Piece` that moves with one joint.

    Args:
        form: (vertices, triangles, corner_uv). As of `qaconv_tf.people.forms`.
        material: `Material`.
        joint: str. Its name.
        part: str. A name of `PARTS`.
        surface: float array `(n, 3)` or None. As of `Mesh`; None covers no place of the skin.

    Returns:
        The `Piece`.
    """
    vertices, triangles, uv = form
    surface = np.full((len(vertices), 3), np.nan) if surface is None else surface
    labels = np.full(len(triangles), PARTS.index(part), np.uint8)
    return Piece(vertices, triangles, uv, *between(joint, joint, np.zeros(len(vertices))), labels, surface, material)


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
