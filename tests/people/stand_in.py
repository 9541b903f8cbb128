"""Simple bodies for tests of the renderer."""

import numpy as np

from qaconv_tf.people.mesh import Material, Mesh
from qaconv_tf.people.solids import lathe


def plain(colour, bump=None, specular=0.0, two_sided=False):
    return Material(np.full((8, 8, 3), colour, np.uint8), bump, specular, two_sided)


def as_mesh(vertices, triangles, materials, material=None, part=None, uv=None):
    triangles = np.asarray(triangles, np.int32)
    return Mesh(
        vertices=np.asarray(vertices, np.float32),
        triangles=triangles,
        corner_uv=np.zeros((len(triangles), 3, 2), np.float32) if uv is None else np.asarray(uv, np.float32),
        material=np.zeros(len(triangles), np.uint8) if material is None else np.asarray(material, np.uint8),
        materials=tuple(materials),
        part=np.zeros(len(triangles), np.uint8) if part is None else np.asarray(part, np.uint8),
        surface=np.asarray(vertices, np.float32),
    )


def capsule(colour=(200, 40, 40), height=1.75, radius=0.25):
    """A round body that stands on the ground, closed above; the upper half is part 0, the lower part 9."""
    bend = np.linspace(0, np.pi / 2, 8)
    lower = [(radius * np.cos(a), radius * (1 - np.sin(a))) for a in bend[::-1]]
    middle = [(radius, y) for y in np.linspace(radius, height - radius, 12)[1:-1]]
    upper = [(radius * np.cos(a), height - radius * (1 - np.sin(a))) for a in bend]
    (solid,) = lathe([*lower, *middle, *upper], "skin", 20)
    part = np.where(solid.vertices[solid.triangles].mean(axis=1)[:, 1] > height / 2, 0, 9)
    return as_mesh(solid.vertices, solid.triangles, [plain(colour)], part=part, uv=solid.corner_uv)
