"""The renderer: people in their places before a camera, as linear light and as ground truth."""

import dataclasses

import numpy as np

from qaconv_tf.people.backdrop import Backdrop
from qaconv_tf.people.cameras import Camera
from qaconv_tf.people.ground_truth import measure
from qaconv_tf.people.mesh import PARTS, Mesh
from qaconv_tf.people.rasterizer import rasterize, vertex_normals
from qaconv_tf.people.shading import Geometry, Samples, shade
from qaconv_tf.people.shadow_map import ShadowMaps, add_points, add_triangles, empty_maps, open_sky, sky_light
from qaconv_tf.people.shadows import develop, take_sky, take_sun
from qaconv_tf.people.textures import pack_materials

_SUN_TEXEL = 0.016  # metres: of the shadow map of people in the sun
_SUN_TEXELS_MOST = 512
_SKY_TEXELS = 88
_SKY_REACH = 1.35  # metres around the middle of one person
_MIDDLE = 0.9  # metres above the ground
_CARRIED = PARTS.index("carried")


@dataclasses.dataclass(frozen=True, eq=False)
class Placed:
    """A mesh in its place.

    Args:
        mesh: `Mesh`.
        x: float. Metres to the right of the camera.
        distance: float. Metres along the ground.
        heading: float. 0 faces the camera, pi / 2 to the right of the picture.
    """

    mesh: Mesh
    x: float
    distance: float
    heading: float

    def vertices(self):
        """Returns the vertices in the world, `(v, 3)` float32."""
        cosine, sine = np.float32(np.cos(self.heading)), np.float32(np.sin(self.heading))
        x, y, z = self.mesh.vertices.T
        moved = np.empty_like(self.mesh.vertices)
        moved[:, 0] = x * cosine + z * sine + np.float32(self.x)
        moved[:, 1] = y
        moved[:, 2] = z * cosine - x * sine - np.float32(self.distance)
        return moved

    def viewpoint(self):
        """Returns from where the camera sees the person, degrees: 0 from the front, 90 from the person's own left."""
        return float(np.degrees(np.arctan2(-self.x, self.distance) - self.heading)) % 360


@dataclasses.dataclass(frozen=True, eq=False)
class Arrangement:
    """People before a camera at one moment, with the light that reaches them.

    Args:
        camera: `Camera`.
        backdrop: `Backdrop`. Of the camera.
        meshes: tuple of `Mesh`.
        geometries: tuple of `Geometry`, one a mesh; `screen` counts samples, two to a pixel of the frame.
        sun: `ShadowMaps`. What of the people hides the sun.
        sky: `ShadowMaps`. What of them hides parts of the sky.
    """

    camera: Camera
    backdrop: Backdrop
    meshes: tuple
    geometries: tuple
    sun: ShadowMaps
    sky: ShadowMaps

    def extent(self, number):
        """Returns the edges left, top, right, bottom of a person without what is carried, in pixels of the frame."""
        mesh = self.meshes[number]
        own = np.zeros(len(mesh.vertices), bool)
        own[mesh.triangles[mesh.part != _CARRIED].ravel()] = True
        places = self.geometries[number].screen[own, :2] / 2
        return *places.min(axis=0).tolist(), *places.max(axis=0).tolist()


def arrange(camera, backdrop, people):
    """Puts people before a camera and finds the light that reaches them.

    Args:
        camera: `Camera`.
        backdrop: `Backdrop`. Of the camera.
        people: sequence of `Placed`, at most 100.

    Returns:
        An `Arrangement`; numbers of meshes are places in `people`.
    """
    light = camera.light
    vertices = [person.vertices() for person in people]
    middle = np.mean([(person.x, _MIDDLE, -person.distance) for person in people], axis=0)
    spread = max(float(np.hypot(person.x - middle[0], -person.distance - middle[2])) for person in people)
    reach = spread + _SKY_REACH
    size = min(int(2 * reach / _SUN_TEXEL), _SUN_TEXELS_MOST)
    sun, sky = empty_maps(light.sun[None], middle, reach, size), empty_maps(light.sky, middle, reach, _SKY_TEXELS)
    for person, places in zip(people, vertices, strict=True):
        add_points(sky, places)
        if light.sun_colour.max() > 0:
            add_triangles(sun, places, person.mesh.triangles)
    texel = 2 * reach / _SKY_TEXELS
    geometries = [
        _lit(camera, backdrop, person, places, sky, texel) for person, places in zip(people, vertices, strict=True)
    ]
    return Arrangement(camera, backdrop, tuple(person.mesh for person in people), tuple(geometries), sun, sky)


def _lit(camera, backdrop, person, vertices, sky, texel):
    light, mesh = camera.light, person.mesh
    normals = vertex_normals(vertices, mesh.triangles)
    # What the place as a whole sees of the sky, at the height of the chest.
    chest, up = np.array([[person.x, 1.2, -person.distance]], np.float32), np.array([[0, 1, 0]], np.float32)
    open_place = open_sky(backdrop.sky, chest, up, 0.0, 0.3)[0]
    visible = open_sky(sky, vertices, normals, 1.2 * texel, 0.03)
    received = sky_light(visible, normals, light.sky, light.sky_colours, light.walls, open_place, light.bounce)
    screen = camera.project(vertices)
    screen[:, :2] *= 2
    return Geometry(
        vertices=vertices,
        normals=normals,
        light=received,
        tint=np.ones(len(vertices), np.float32),
        screen=screen.astype(np.float32),
        triangles=mesh.triangles,
        corner_uv=mesh.corner_uv,
        material=mesh.material,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Rendering:
    """A part of the frame, drawn.

    Args:
        picture: `(height, width, 3)` float32. Linear light.
        samples: `Samples`, two by two to a pixel.
        meshes: tuple of `Mesh`.
        geometries: tuple of `Geometry`, `screen` counting the samples.
    """

    picture: np.ndarray
    samples: Samples
    meshes: tuple
    geometries: tuple

    def truth(self, number):
        """Returns what each pixel shows of one person.

        Args:
            number: int. The person.

        Returns:
            Tuple of `parts`, `(height, width)` uint8: 0 where the person is not seen, else 1 + the index into `PARTS`;
            and `surface`, `(height, width, 3)` float32: places on the average body, NaN where there is none.
        """
        mesh, screen = self.meshes[number], self.geometries[number].screen
        samples = self.samples
        return measure(samples.mesh_of, samples.triangle_of, number, screen, mesh.triangles, mesh.part, mesh.surface)


def render(arrangement, box):
    """Draws a part of the frame.

    Args:
        arrangement: `Arrangement`.
        box: tuple of 4 ints. Left, top, right, bottom in pixels, within the frame.

    Returns:
        A `Rendering`.
    """
    left, top, right, bottom = box
    camera, light = arrangement.camera, arrangement.camera.light
    samples = arrangement.backdrop.window(camera, top, left, bottom, right)
    geometries = tuple(_shifted(geometry, left, top) for geometry in arrangement.geometries)
    for number, (mesh, geometry) in enumerate(zip(arrangement.meshes, geometries, strict=True)):
        _draw(mesh, geometry.screen, number, samples)
    for number, (mesh, geometry) in enumerate(zip(arrangement.meshes, geometries, strict=True)):
        paints = pack_materials(mesh.materials)
        shade(number, geometry, paints, camera.eye, light.sun, light.sun_colour, light.lean, 1, samples)
    if light.sun_colour.max() > 0:
        take_sun(arrangement.sun, light.softness, 0.012, True, samples)
        take_sun(arrangement.backdrop.sun, max(light.softness, 0.03), 0.03, False, samples)
    take_sky(arrangement.sky, light.sky_colours.sum(1), 0.01, 0.02, samples)
    return Rendering(develop(samples), samples, arrangement.meshes, geometries)


def _shifted(geometry, left, top):
    return geometry._replace(screen=geometry.screen - np.array([2 * left, 2 * top, 0], np.float32))


def _draw(mesh, screen, number, samples):
    two_sided = np.array([material.two_sided for material in mesh.materials])[mesh.material]
    rasterize(screen, mesh.triangles, two_sided, number, samples.inverse_depth, samples.triangle_of, samples.mesh_of)


def visible_share(arrangement, number, others):
    """Returns which share of a person, 0 to 1, is seen when others stand before it, whatever else there is.

    Args:
        arrangement: `Arrangement`.
        number: int. The person.
        others: sequence of int. Other people.
    """
    left, top, right, bottom = arrangement.extent(number)
    # One sample a pixel is enough to count.
    samples = Samples.empty(int(bottom - top) + 2, int(right - left) + 2)
    counts = []
    for person in (number, *others):
        screen = _shifted(arrangement.geometries[person], left, top).screen * np.array([0.5, 0.5, 1], np.float32)
        _draw(arrangement.meshes[person], screen, 0 if person == number else 1, samples)
        counts.append(np.count_nonzero(samples.mesh_of == 0))
    return counts[-1] / max(counts[0], 1)
