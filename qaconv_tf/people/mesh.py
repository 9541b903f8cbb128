"""A person's surface at one moment, ready to draw: triangles, textures, and what place of the body each shows."""

import dataclasses

import numpy as np

# In `Mesh.part`, the index into this tuple. Left and right are the person's own; hair and hats count as head, clothes
# as the part of the body that they cover.
PARTS = (
    "head",
    "neck",
    "torso",
    "left upper arm",
    "left forearm",
    "left hand",
    "right upper arm",
    "right forearm",
    "right hand",
    "left thigh",
    "left shin",
    "left foot",
    "right thigh",
    "right shin",
    "right foot",
    "carried",
)


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """How a surface looks.

    A texture coordinate `(u, v)` addresses column `u * width` and row `v * height`; both wrap.

    Args:
        texture: uint8 array `(height, width, 3)`. sRGB.
        bump: float32 array `(rows, columns)` or None. Height of folds and weave in metres over the same coordinates.
        specular: float. Share of light that is mirrored: 0 is felt, 0.04 cloth and skin, 0.3 leather.
        two_sided: bool. Whether the inner side may be seen, as at an open jacket; else a visible inner side is a hole.
    """

    texture: np.ndarray
    bump: np.ndarray | None
    specular: float
    two_sided: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Mesh:
    """A posed surface. The person's own axes: x to the left hand, y up, z forward; the ground is y = 0; metres.

    Args:
        vertices: float32 array `(num_vertices, 3)`.
        triangles: int32 array `(num_triangles, 3)`. Counter-clockwise as seen from outside.
        corner_uv: float32 array `(num_triangles, 3, 2)`. Texture coordinates of each corner, unwrapped at seams, so
            that values outside of [0, 1) wrap.
        material: uint8 array `(num_triangles,)`. Index into `materials`.
        materials: tuple of `Material`.
        part: uint8 array `(num_triangles,)`. Index into `PARTS`.
        surface: float32 array `(num_vertices, 3)`. Where on the average body's skin, at rest, the vertex lies or what
            place it covers, metres: the same for everybody, whatever the build, clothes and pose. NaN where carried.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    corner_uv: np.ndarray
    material: np.ndarray
    materials: tuple
    part: np.ndarray
    surface: np.ndarray
