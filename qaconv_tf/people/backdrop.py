"""The picture of a camera's place, drawn once: colours with and without sun, depth, and what hides the light."""

import dataclasses

import numpy as np

from qaconv_tf.people.cameras import FRAME_HEIGHT, FRAME_WIDTH
from qaconv_tf.people.rasterizer import rasterize, vertex_normals
from qaconv_tf.people.scenery import build_place
from qaconv_tf.people.shading import Geometry, Samples, shade
from qaconv_tf.people.shadow_map import ShadowMaps, add_triangles, empty_maps, open_sky, sky_light
from qaconv_tf.people.shadows import take_sun
from qaconv_tf.people.textures import pack_materials

_SUN_TEXELS, _SKY_TEXELS = 1024, 192
_REACH = 13.0  # metres around the middle of the place within which things throw shadows
_UNIT = 4096.0  # light 1 in the whole numbers in which colours are kept; the greatest is 16


@dataclasses.dataclass(frozen=True, eq=False)
class Backdrop:
    """What a camera sees of its place, in samples: two by two to a pixel of the frame.

    Args:
        inverse_depth: `(rows, columns)` float32. 1 / distance, 0 in the sky.
        normal: `(rows, columns, 3)` int8. In 127ths.
        ambient: `(rows, columns, 3)` uint16. Light without the sun's, in units of 1 / 4096.
        direct: `(rows, columns, 3)` uint16. Light of the sun.
        sun: `ShadowMaps` of one direction: what of the place hides the sun.
        sky: `ShadowMaps`: what of it hides parts of the sky.
    """

    inverse_depth: np.ndarray
    normal: np.ndarray
    ambient: np.ndarray
    direct: np.ndarray
    sun: ShadowMaps
    sky: ShadowMaps

    def window(self, camera, top, left, bottom, right):
        """Returns fresh `Samples` of a part of the frame, edges in whole pixels within the frame."""
        rows, columns = slice(2 * top, 2 * bottom), slice(2 * left, 2 * right)
        samples = Samples.empty(2 * (bottom - top), 2 * (right - left))
        samples.inverse_depth[:] = self.inverse_depth[rows, columns]
        np.multiply(self.ambient[rows, columns], np.float32(1 / _UNIT), out=samples.ambient)
        np.multiply(self.direct[rows, columns], np.float32(1 / _UNIT), out=samples.direct)
        np.multiply(self.normal[rows, columns], np.float32(1 / 127), out=samples.normal)
        # Where each sample lies in the world: along its ray as far as its depth says.
        across = (np.arange(2 * left, 2 * right) + 0.5) / 2 - FRAME_WIDTH / 2
        down = (np.arange(2 * top, 2 * bottom) + 0.5) / 2 - FRAME_HEIGHT / 2
        depth = 1 / np.maximum(samples.inverse_depth, np.float32(1e-6))
        axes = camera.axes.astype(np.float32)
        across, down = (values.astype(np.float32) / np.float32(camera.focal_length) for values in (across, down))
        for axis in range(3):
            ray = across[None] * axes[0, axis] + (down * axes[1, axis] + axes[2, axis])[:, None]
            samples.position[..., axis] = ray * depth + camera.eye[axis]
        return samples


def draw_backdrop(camera):
    """Draws the place of a camera.

    Args:
        camera: `Camera`.

    Returns:
        A `Backdrop`, always the same for the same camera.
    """
    place, light = build_place(camera), camera.light
    names = list(place.materials)
    first, vertices, triangles, uv, material = 0, [], [], [], []
    for solid in place.solids:
        vertices.append(solid.vertices)
        triangles.append(solid.triangles + first)
        uv.append(solid.corner_uv)
        material.append(np.full(len(solid.triangles), names.index(solid.material), np.uint8))
        first += len(solid.vertices)
    vertices, triangles, uv, material = (np.concatenate(parts) for parts in (vertices, triangles, uv, material))
    triangles = triangles.astype(np.int32)
    normals = vertex_normals(vertices, triangles)
    middle = (0.0, 0.5, -0.5 * (camera.nearest + camera.farthest))
    sun, sky = (
        empty_maps(light.sun[None], middle, _REACH, _SUN_TEXELS),
        empty_maps(light.sky, middle, _REACH, _SKY_TEXELS),
    )
    casting = triangles if camera.outdoor else _low(vertices, triangles)
    add_triangles(sun, vertices, casting)
    add_triangles(sky, vertices, casting)
    visible = open_sky(sky, vertices, normals, 0.12, 0.1)
    received = sky_light(
        visible, normals, light.sky, light.sky_colours, light.walls, np.ones(len(light.sky), np.float32), light.bounce
    )
    if not camera.outdoor:
        received[normals[:, 1] < -0.9] = 1.4 * light.sky_colours.sum(0)  # the ceiling, by its own lamps
    screen = camera.project(vertices)
    screen[:, :2] *= 2
    geometry = Geometry(
        vertices, normals, received, _dirt(place, vertices), screen.astype(np.float32), triangles, uv, material
    )
    samples = Samples.empty(2 * FRAME_HEIGHT, 2 * FRAME_WIDTH)
    two_sided = np.array([place.materials[name].two_sided for name in names])[material]
    rasterize(geometry.screen, triangles, two_sided, 0, samples.inverse_depth, samples.triangle_of, samples.mesh_of)
    paints = pack_materials.__wrapped__(tuple(place.materials.values()))  # not kept: nobody asks for them again
    shade(0, geometry, paints, camera.eye, light.sun, light.sun_colour, light.lean, 4, samples)
    take_sun(sun, max(light.softness, 0.02), 0.03, True, samples)
    samples.direct[:] *= samples.lit[..., None]
    _fill_air(camera, samples)
    return Backdrop(
        samples.inverse_depth,
        (samples.normal * 127).astype(np.int8),
        np.clip(samples.ambient * _UNIT, 0, 65535).astype(np.uint16),
        np.clip(samples.direct * _UNIT, 0, 65535).astype(np.uint16),
        sun,
        sky,
    )


def _low(vertices, triangles):
    """Triangles of things that stand in a hall; its walls and ceiling hide no lamp."""
    return triangles[vertices[:, 1][triangles].max(axis=1) < 4.0]


def _dirt(place, vertices):
    """How light the ground and what stands on it is at each vertex, read from the place's stains."""
    size = len(place.dirt)
    rows, columns = (np.floor(vertices[:, axis] * (size / 25.0)).astype(int) % size for axis in (2, 0))
    return np.ascontiguousarray(place.dirt[rows, columns])


def _fill_air(camera, samples):
    """Paints the sky where nothing stands, and haze before what is far."""
    light = camera.light
    rows = (np.arange(len(samples.lit)) + 0.5) / 2
    rays = camera.rays(np.full(len(rows), FRAME_WIDTH / 2), rows)
    up = np.clip(rays[:, 1] / np.linalg.norm(rays, axis=1) * 2.2, 0, 1)[:, None]
    sky = (light.horizon * (1 - up) + light.zenith * up).astype(np.float32)
    empty = samples.inverse_depth <= 0
    depth = 1 / np.maximum(samples.inverse_depth, np.float32(1e-3))
    clear = np.exp(-depth / np.float32(light.haze))[..., None]
    samples.ambient[:] = samples.ambient * clear + (0.75 * light.horizon).astype(np.float32) * (1 - clear)
    samples.direct[:] *= clear
    samples.ambient[empty] = np.broadcast_to(sky[:, None], samples.ambient.shape)[empty]
    samples.direct[empty] = 0
