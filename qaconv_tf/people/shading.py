"""Shading: for each sample of the picture the light that its surface sends to the camera, with and without the sun."""

from typing import NamedTuple

import numpy as np

from qaconv_tf.people.compiled import compiled

_LINEAR = np.array([v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.arange(256) / 255])
SRGB_TO_LINEAR = _LINEAR.astype(np.float32)
_GLOSS = 24.0  # exponent of highlights: cloth, leather and plastic are dull


class Samples(NamedTuple):
    """The samples of a picture, two by two to a pixel. All float32 unless said.

    Args:
        inverse_depth: `(rows, columns)`. 1 / distance along the optical axis; 0 for the sky.
        triangle_of: `(rows, columns)` int32.
        mesh_of: `(rows, columns)` int8. -1 where no mesh was drawn.
        position: `(rows, columns, 3)`. In the world, metres.
        normal: `(rows, columns, 3)`. Towards the camera's side, without bumps.
        ambient: `(rows, columns, 3)`. Linear light that the surface sends on from the sky and from around.
        direct: `(rows, columns, 3)`. What it sends on of the sun, if the sun reaches it.
        lit: `(rows, columns)`. Share of the sun that does.
    """

    inverse_depth: np.ndarray
    triangle_of: np.ndarray
    mesh_of: np.ndarray
    position: np.ndarray
    normal: np.ndarray
    ambient: np.ndarray
    direct: np.ndarray
    lit: np.ndarray

    @classmethod
    def empty(cls, rows, columns):
        """Returns samples of a picture that shows nothing yet."""
        colours = [np.zeros((rows, columns, 3), np.float32) for _ in range(4)]
        depth, lit = np.zeros((rows, columns), np.float32), np.ones((rows, columns), np.float32)
        numbers = np.full((rows, columns), -1, np.int32), np.full((rows, columns), -1, np.int8)
        return cls(depth, *numbers, *colours, lit)


class Geometry(NamedTuple):
    """A mesh in its place, with the light that reaches it.

    Args:
        vertices: `(v, 3)` float32. In the world.
        normals: `(v, 3)` float32.
        light: `(v, 3)` float32. Of the sky and from around, that reaches each vertex.
        tint: `(v,)` float32. Factor of the texture's colours.
        screen: `(v, 3)` float32. Column, row, 1 / distance.
        triangles: `(t, 3)` int32.
        corner_uv: `(t, 3, 2)` float32.
        material: `(t,)` uint8.
    """

    vertices: np.ndarray
    normals: np.ndarray
    light: np.ndarray
    tint: np.ndarray
    screen: np.ndarray
    triangles: np.ndarray
    corner_uv: np.ndarray
    material: np.ndarray


@compiled
def _corners(place, u, v):
    """The four texels around (u, v), which wraps: the upper two, the lower two, and shares of right and low."""
    start, height, width = place[0], place[1], place[2]
    x, y = (u - np.floor(u)) * width - 0.5, (v - np.floor(v)) * height - 0.5
    left, top = int(np.floor(x)), int(np.floor(y))
    right_share, low_share = x - left, y - top
    right, low = left + 1, top + 1
    # Cheaper than a remainder: at most one step over the edge.
    left, right = left + width if left < 0 else left, right - width if right >= width else right
    top, low = top + height if top < 0 else top, low - height if low >= height else low
    upper, lower = start + top * width, start + low * width
    return upper + left, upper + right, lower + left, lower + right, right_share, low_share


@compiled
def _texel(colours, place, u, v, result):
    """Adds the colour at (u, v), between texels, as linear light."""
    a, b, c, d, right, low = _corners(place, u, v)
    of_a, of_b, of_c, of_d = (1 - right) * (1 - low), right * (1 - low), (1 - right) * low, right * low
    for channel in range(3):
        result[channel] += (
            of_a * SRGB_TO_LINEAR[colours[a, channel]]
            + of_b * SRGB_TO_LINEAR[colours[b, channel]]
            + of_c * SRGB_TO_LINEAR[colours[c, channel]]
            + of_d * SRGB_TO_LINEAR[colours[d, channel]]
        )


@compiled
def _rise(slopes, place, u, v):
    """Slopes along u and v at (u, v), between texels."""
    a, b, c, d, right, low = _corners(place, u, v)
    of_a, of_b, of_c, of_d = (1 - right) * (1 - low), right * (1 - low), (1 - right) * low, right * low
    along_u = of_a * slopes[a, 0] + of_b * slopes[b, 0] + of_c * slopes[c, 0] + of_d * slopes[d, 0]
    along_v = of_a * slopes[a, 1] + of_b * slopes[b, 1] + of_c * slopes[c, 1] + of_d * slopes[d, 1]
    return along_u, along_v


@compiled
def shade(number, geometry, paints, eye, sun, sun_colour, sky_lean, times, samples):
    """Shades the samples that show one mesh.

    Args:
        number: int. The mesh's, in `samples.mesh_of`.
        geometry: `Geometry`.
        paints: `Paints`. Of its materials.
        eye: `(3,)` float32. Where the camera is.
        sun: `(3,)` float32. Unit vector towards the sun.
        sun_colour: `(3,)` float32. Linear light on a surface that faces it.
        sky_lean: `(3,)` float32. Where the light of the sky comes from on the whole, at most of length 1: bumps change
            how much of it they see.
        times: int. 1, or 4 to look a texture up at four places within each sample: for grounds seen at an angle.
        samples: `Samples`, changed.
    """
    rows, columns = samples.mesh_of.shape
    colour, rise_u, rise_v = np.zeros(3), np.zeros(3), np.zeros(3)
    normal, bumped = np.zeros(3), np.zeros(3)
    place, view = np.zeros(3), np.zeros(3)
    for row in range(rows):
        for column in range(columns):
            if samples.mesh_of[row, column] != number:
                continue
            index = samples.triangle_of[row, column]
            a, b, c = geometry.triangles[index, 0], geometry.triangles[index, 1], geometry.triangles[index, 2]
            screen, uv, vertices = geometry.screen, geometry.corner_uv[index], geometry.vertices
            xa, ya, za = screen[a, 0], screen[a, 1], screen[a, 2]
            xb, yb, zb = screen[b, 0], screen[b, 1], screen[b, 2]
            xc, yc, zc = screen[c, 0], screen[c, 1], screen[c, 2]
            area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
            material = geometry.material[index]

            # Textures in this sample: the ratio of areas of the whole triangle, as perspective changes it over it.
            nearness = samples.inverse_depth[row, column]
            uv_area = (uv[1, 0] - uv[0, 0]) * (uv[2, 1] - uv[0, 1]) - (uv[2, 0] - uv[0, 0]) * (uv[1, 1] - uv[0, 1])
            textures = abs(uv_area / area) * (za * zb * zc) / (nearness * nearness * nearness)
            places = paints.places[material, 0]
            level = int(0.5 * np.log2(max(textures * places[0, 1] * places[0, 2] / times, 1e-6)) + 0.5)
            copy = places[min(max(level, 0), paints.levels[material, 0] - 1)]

            colour[:] = 0
            u, v = 0.0, 0.0
            for time in range(times):
                x, y = column + 0.5, row + 0.5
                if times > 1:  # a turned square, so that neither rows nor columns meet twice
                    x += (0.125, -0.375, 0.375, -0.125)[time]
                    y += (-0.375, -0.125, 0.125, 0.375)[time]
                of_a = ((xb - x) * (yc - y) - (xc - x) * (yb - y)) / area * za
                of_b = ((xc - x) * (ya - y) - (xa - x) * (yc - y)) / area * zb
                of_c = (1 - of_a / za - of_b / zb) * zc
                whole = of_a + of_b + of_c
                of_a, of_b, of_c = of_a / whole, of_b / whole, of_c / whole
                u = uv[0, 0] * of_a + uv[1, 0] * of_b + uv[2, 0] * of_c
                v = uv[0, 1] * of_a + uv[1, 1] * of_b + uv[2, 1] * of_c
                _texel(paints.colours, copy, u, v, colour)
            tint = geometry.tint[a] * of_a + geometry.tint[b] * of_b + geometry.tint[c] * of_c
            for channel in range(3):
                colour[channel] *= tint / times

            length, distance = 0.0, 0.0
            for axis in range(3):
                place[axis] = vertices[a, axis] * of_a + vertices[b, axis] * of_b + vertices[c, axis] * of_c
                normal[axis] = (
                    geometry.normals[a, axis] * of_a
                    + geometry.normals[b, axis] * of_b
                    + geometry.normals[c, axis] * of_c
                )
                view[axis] = eye[axis] - place[axis]
                length += normal[axis] * normal[axis]
                distance += view[axis] * view[axis]
            length, distance = np.sqrt(length) + 1e-12, np.sqrt(distance)
            # The inside of a garment is lit as its inside. Whether it is seen is for the triangle to say: smooth
            # normals turn away from the camera a little before the surface does.
            side = 1.0 if area < 0 else -1.0
            for axis in range(3):
                normal[axis] *= side / length
                view[axis] /= distance
                bumped[axis] = normal[axis]

            if paints.levels[material, 1] > 0:
                places = paints.places[material, 1]
                level = int(0.5 * np.log2(max(textures * places[0, 1] * places[0, 2], 1e-6)) + 0.5)
                copy = places[min(max(level, 0), paints.levels[material, 1] - 1)]
                # Gradients of u and v on the triangle: g with g . e1 = du1 and g . e2 = du2.
                e1x, e1y, e1z = (
                    vertices[b, 0] - vertices[a, 0],
                    vertices[b, 1] - vertices[a, 1],
                    vertices[b, 2] - vertices[a, 2],
                )
                e2x, e2y, e2z = (
                    vertices[c, 0] - vertices[a, 0],
                    vertices[c, 1] - vertices[a, 1],
                    vertices[c, 2] - vertices[a, 2],
                )
                nx, ny, nz = e1y * e2z - e1z * e2y, e1z * e2x - e1x * e2z, e1x * e2y - e1y * e2x
                square = nx * nx + ny * ny + nz * nz + 1e-20
                p = ((e2y * nz - e2z * ny) / square, (e2z * nx - e2x * nz) / square, (e2x * ny - e2y * nx) / square)
                q = ((ny * e1z - nz * e1y) / square, (nz * e1x - nx * e1z) / square, (nx * e1y - ny * e1x) / square)
                along_u, along_v = _rise(paints.slopes, copy, u, v)
                length = 0.0
                for axis in range(3):
                    rise_u[axis] = (uv[1, 0] - uv[0, 0]) * p[axis] + (uv[2, 0] - uv[0, 0]) * q[axis]
                    rise_v[axis] = (uv[1, 1] - uv[0, 1]) * p[axis] + (uv[2, 1] - uv[0, 1]) * q[axis]
                    bumped[axis] -= side * (along_u * rise_u[axis] + along_v * rise_v[axis])
                    length += bumped[axis] * bumped[axis]
                length = np.sqrt(length)
                for axis in range(3):
                    bumped[axis] /= length

            facing, lean, half_square, half_facing, towards = 0.0, 0.0, 0.0, 0.0, 0.0
            for axis in range(3):
                facing += bumped[axis] * sun[axis]
                lean += (bumped[axis] - normal[axis]) * sky_lean[axis]
                half = sun[axis] + view[axis]
                half_square += half * half
                half_facing += bumped[axis] * half
                towards += bumped[axis] * view[axis]
            specular = paints.specular[material]
            highlight = (
                specular * (max(half_facing, 0.0) / np.sqrt(half_square + 1e-12)) ** _GLOSS if facing > 0 else 0.0
            )
            mirror = 0.35 * specular * (0.1 + max(1 - max(towards, 0.0), 0.0) ** 4)
            bump_light = min(max(1 + 1.3 * lean, 0.35), 1.65)
            for channel in range(3):
                light = geometry.light[a, channel] * of_a + geometry.light[b, channel] * of_b
                light = (light + geometry.light[c, channel] * of_c) * bump_light
                samples.ambient[row, column, channel] = light * (colour[channel] + mirror)
                samples.direct[row, column, channel] = sun_colour[channel] * (
                    max(facing, 0.0) * colour[channel] + highlight
                )
                samples.position[row, column, channel] = place[channel]
                samples.normal[row, column, channel] = normal[channel]
