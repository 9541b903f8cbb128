import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qaconv_tf.people.backdrop import draw_backdrop
from qaconv_tf.people.cameras import FRAME_HEIGHT, FRAME_WIDTH, describe_camera
from qaconv_tf.people.ground_truth import measure
from qaconv_tf.people.mesh import PARTS, Mesh
from qaconv_tf.people.rasterizer import rasterize, vertex_normals
from qaconv_tf.people.renderer import Placed, arrange, render, visible_share
from qaconv_tf.people.shading import SRGB_TO_LINEAR, Geometry, Samples, shade
from qaconv_tf.people.shadow_map import add_points, add_triangles, empty_maps, open_sky
from qaconv_tf.people.shadows import develop, take_sun
from qaconv_tf.people.textures import pack_materials
from tests.oracles.rendering import first_hit, most_common_part, nearest_triangles
from tests.people.stand_in import as_mesh, capsule, plain


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_depth_buffer_is_that_of_asking_every_triangle(seed):
    random = np.random.default_rng(seed)
    screen = np.c_[random.uniform(-2, 10, (12, 2)), random.uniform(-0.1, 1, 12)].astype(np.float32)
    triangles = random.integers(0, 12, (7, 3)).astype(np.int32)
    two_sided = random.random(7) < 0.5
    depth, index, mesh = np.zeros((7, 8), np.float32), np.full((7, 8), -1, np.int32), np.full((7, 8), -1, np.int8)
    rasterize(screen, triangles, two_sided, 4, depth, index, mesh)
    expected_depth, expected_index = nearest_triangles(screen, triangles, two_sided, 7, 8)
    # Triangles of the same corners, or that meet in a sample, may take turns; their depths agree.
    np.testing.assert_allclose(depth, expected_depth, rtol=1e-3, atol=1e-5)
    assert np.mean((index != expected_index) & (np.abs(depth - expected_depth) > 1e-5)) == 0
    np.testing.assert_array_equal(index >= 0, expected_index >= 0)
    np.testing.assert_array_equal(mesh, np.where(index >= 0, 4, -1))


def test_meshes_drawn_one_after_the_other_keep_the_nearest():
    random = np.random.default_rng(1)
    square = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    depths = random.permutation(np.linspace(0.1, 0.9, 6)).astype(np.float32)
    depth, index, mesh = np.zeros((4, 4), np.float32), np.full((4, 4), -1, np.int32), np.full((4, 4), -1, np.int8)
    for number, nearness in enumerate(depths):
        corners = np.array([[-1, -1], [-1, 9], [9, 9], [9, -1]], np.float32)
        screen = np.c_[corners, np.full(4, nearness)].astype(np.float32)
        rasterize(screen, square, np.zeros(2, bool), number, depth, index, mesh)
    assert np.all(mesh == depths.argmax()) and np.all(depth == depths.max())


def test_normals_of_a_ball_point_outwards():
    body = capsule()
    normals = vertex_normals(body.vertices, body.triangles)
    top = body.vertices[:, 1] > 1.55
    outwards = body.vertices[top] - (0, 1.5, 0)
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    assert ((normals[top] * outwards).sum(1) > 0.97).all()
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("number", range(4))
def test_projection_is_that_of_a_turned_pinhole(number):
    camera = describe_camera("campus", 7, number)
    random = np.random.default_rng(number)
    points = random.uniform((-4, 0, -20), (4, 2, -3), (50, 3))
    nod = np.array([[1, 0, 0], [0, np.cos(camera.pitch), -np.sin(camera.pitch)],
                    [0, np.sin(camera.pitch), np.cos(camera.pitch)]])  # fmt: skip
    for point, (column, row, nearness) in zip(points, camera.project(points), strict=True):
        right, up, back = nod @ (point - (0, camera.height, 0))
        right, up = (right * np.cos(camera.roll) - up * np.sin(camera.roll),
                     up * np.cos(camera.roll) + right * np.sin(camera.roll))  # fmt: skip
        assert column == pytest.approx(FRAME_WIDTH / 2 - camera.focal_length * right / back, rel=1e-6)
        assert row == pytest.approx(FRAME_HEIGHT / 2 + camera.focal_length * up / back, rel=1e-6)
        assert nearness == pytest.approx(-1 / back)
    columns, rows, nearness = camera.project(points).T
    back_again = camera.eye + camera.rays(columns, rows) / nearness[:, None]
    np.testing.assert_allclose(back_again, points, atol=1e-6)
    assert camera.project(np.array([[0.0, camera.height, 1.0]]))[0, 2] <= 0


def screen_of(vertices, focal_length=40.0):
    """A camera at the origin that looks along -z, its axis in sample (20, 20)."""
    x, y, z = vertices.T.astype(float)
    return np.stack([20 - focal_length * x / z, 20 + focal_length * y / z, -1 / z], axis=-1).astype(np.float32)


def shaded(vertices, triangles, uv, material, sun=(0, 0, 1), light=1.0, tint=None, lean=(0, 0, 0), times=1, size=40):
    vertices, triangles = np.asarray(vertices, np.float32), np.asarray(triangles, np.int32)
    geometry = Geometry(
        vertices, vertex_normals(vertices, triangles), np.full((len(vertices), 3), light, np.float32),
        np.ones(len(vertices), np.float32) if tint is None else tint, screen_of(vertices), triangles,
        np.asarray(uv, np.float32), np.zeros(len(triangles), np.uint8),
    )  # fmt: skip
    samples = Samples.empty(size, size)
    two_sided = np.full(len(triangles), material.two_sided)
    rasterize(geometry.screen, triangles, two_sided, 0, samples.inverse_depth, samples.triangle_of, samples.mesh_of)
    vectors = [np.array(vector, np.float32) for vector in ((0, 0, 0), sun, (1, 1, 1), lean)]
    shade(0, geometry, pack_materials((material,)), *vectors, times, samples)
    return samples


LEANING = np.array([[-1.2, 1, -2], [-1, -1, -3], [1, -1.1, -4], [0.9, 1, -2.5]])
TWO = np.array([[0, 1, 2], [0, 2, 3]])


def test_texture_and_place_are_correct_in_perspective():
    random = np.random.default_rng(3)
    # On a plane; texture coordinates are an affine map of the place.
    across, down = np.array([1.0, 0.1, -0.4]), np.array([0.1, -1.0, -0.3])
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])
    vertices = np.array([-0.6, 0.7, -2.2]) + corners @ np.stack([across * 1.5, down * 1.4])
    texture = random.integers(0, 256, (16, 16, 3)).astype(np.uint8)
    material = dataclasses.replace(plain((0, 0, 0)), texture=texture)
    samples = shaded(vertices, TWO, corners[TWO], material, sun=(0, 0, -1))
    seen = samples.mesh_of == 0
    assert seen.sum() > 200
    normal = np.cross(across, down)
    for row, column in np.argwhere(seen)[::7]:
        ray = np.array([(column + 0.5 - 20) / 40, -(row + 0.5 - 20) / 40, -1.0])
        place = ray * (vertices[0] @ normal) / (ray @ normal)
        np.testing.assert_allclose(samples.position[row, column], place, atol=2e-3)
        u, v = np.linalg.lstsq(np.stack([across * 1.5, down * 1.4], axis=1), place - vertices[0], rcond=None)[0]
        expected = np.zeros(3)
        x, y = u * 16 - 0.5, v * 16 - 0.5
        for i in (0, 1):
            for j in (0, 1):
                weight = (1 - abs(y - np.floor(y) - i)) * (1 - abs(x - np.floor(x) - j))
                texel = texture[(int(np.floor(y)) + i) % 16, (int(np.floor(x)) + j) % 16]
                expected += weight * SRGB_TO_LINEAR[texel]
        np.testing.assert_allclose(samples.ambient[row, column], expected, atol=0.02)


def test_a_texture_too_fine_for_the_picture_shows_its_mean():
    chequers = np.where((np.indices((64, 64)).sum(0) % 2)[..., None] > 0, 255, 0) * np.ones(3)
    material = dataclasses.replace(plain((0, 0, 0)), texture=chequers.astype(np.uint8))
    uv = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])[TWO] * 12.0
    flat = LEANING * (1, 1, 0) - (0, 0, 3)
    samples = shaded(flat, TWO, uv, material)
    middle = samples.ambient[15:25, 15:25]
    assert middle.std() < 0.01
    np.testing.assert_allclose(middle, SRGB_TO_LINEAR[128], atol=0.02)


def test_inner_sides_are_seen_only_if_they_may_be_and_then_lit_as_inner_sides():
    flat = LEANING * (1, 1, 0) - (0, 0, 3)
    backwards = TWO[:, ::-1]
    uv = np.zeros((2, 3, 2))
    assert (shaded(flat, backwards, uv, plain((255, 255, 255))).mesh_of < 0).all()
    samples = shaded(flat, backwards, uv, plain((255, 255, 255), two_sided=True))
    seen = samples.mesh_of == 0
    np.testing.assert_allclose(samples.normal[seen], np.tile([0, 0, 1.0], (seen.sum(), 1)), atol=1e-5)
    np.testing.assert_allclose(samples.direct[seen], 1, rtol=1e-3)


@pytest.mark.parametrize("turn", [0.0, 0.7, 2.0])
def test_bumps_turn_the_surface_as_their_slope_does(turn):
    """A surface of metre-wide texture that rises by s a metre along u, lit from the side, is that much darker."""
    height = (0.05 * np.arange(32) / 32).astype(np.float32)  # a ramp, but for the texture's edge
    bump = np.tile(height, (32, 1))
    turned = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    corners = np.array([(-0.5, 0.5, 0), (-0.5, -0.5, 0), (0.5, -0.5, 0), (0.5, 0.5, 0)]) @ turned.T - (0, 0, 1.4)
    uv = np.array([(0, 0), (0, 1), (1, 1), (1, 0)], float)[TWO]
    sun = turned @ np.array([0.8, 0, 0.6])
    samples = shaded(corners, TWO, uv, plain((255, 255, 255), bump), sun=sun)
    # The bumped normal is (-s, 0, 1) in the surface's own axes.
    expected = (0.6 - 0.8 * 0.05) / np.hypot(1, 0.05)
    assert samples.direct[18:22, 18:22].mean() == pytest.approx(expected, rel=0.01)


def test_highlights_lie_where_the_mirror_would_show_the_sun():
    body = capsule((0, 0, 0))
    uv, glossy = body.corner_uv, plain((0, 0, 0), specular=0.4)
    samples = shaded(body.vertices - (0, 0.9, 2.5), body.triangles, uv, glossy, sun=(0.8, 0, 0.6), light=0.0)
    brightest = np.unravel_index(samples.direct[..., 0].argmax(), samples.direct.shape[:2])
    normal = samples.normal[brightest]
    view = -samples.position[brightest] / np.linalg.norm(samples.position[brightest])
    half = view + (0.8, 0, 0.6)
    assert normal @ half / np.linalg.norm(half) > 0.97


def flat_ground(random, count):
    points = np.c_[random.uniform(-1, 1, count), np.zeros(count), random.uniform(-1, 1, count)].astype(np.float32)
    return points, np.tile(np.float32([0, 1, 0]), (count, 1))


def test_what_hides_the_sky_is_what_rays_hit():
    random = np.random.default_rng(5)
    vertices = random.uniform((-0.7, 0.3, -0.7), (0.7, 1.2, 0.7), (8, 3)).astype(np.float32)
    triangles = np.array([[0, 1, 2], [3, 4, 5], [5, 6, 7]], np.int32)
    directions = random.normal(size=(4, 3)) + (0, 2.5, 0)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    maps = empty_maps(directions, (0, 0.5, 0), 2.0, 256)
    add_triangles(maps, vertices, triangles)
    points, normals = flat_ground(random, 60)
    visible = open_sky(maps, points, normals, 0.0, 0.01)
    expected = np.array([[first_hit(p, d, vertices, triangles) == np.inf for d in directions] for p in points])
    assert 0.1 < expected.mean() < 0.95
    sure = (visible == 0) | (visible == 1)
    assert sure.mean() > 0.85
    assert np.mean(visible[sure] == expected[sure]) > 0.98
    downwards = open_sky(maps, points, -normals, 0.0, 0.01)
    assert not downwards.any()


def test_dense_points_hide_what_their_surface_does():
    body = capsule()
    mixed = body.vertices[body.triangles]
    dense = np.concatenate([(mixed[:, 0] * a + mixed[:, 1] * b + mixed[:, 2] * (1 - a - b))
                            for a in np.linspace(0, 1, 6) for b in np.linspace(0, 1, 6) if a + b <= 1])  # fmt: skip
    directions = np.array([[0.6, 0.8, 0], [0, 0.6, 0.8]])
    maps = [empty_maps(directions, (0, 0.9, 0), 1.5, 60) for _ in range(2)]
    add_points(maps[0], dense.astype(np.float32))
    add_triangles(maps[1], body.vertices, body.triangles)
    points, normals = flat_ground(np.random.default_rng(6), 400)
    by_points, by_triangles = (open_sky(each, points, normals, 0.0, 0.05) for each in maps)
    assert np.abs(by_points - by_triangles).mean() < 0.04
    assert 0.02 < 1 - by_triangles.mean()


def test_the_sun_is_taken_where_rays_towards_it_hit_something():
    random = np.random.default_rng(8)
    vertices = random.uniform((-0.8, 0.2, -0.8), (0.8, 1.2, 0.8), (9, 3)).astype(np.float32)
    triangles = np.arange(9, dtype=np.int32).reshape(3, 3)
    sun = np.array([0.48, 0.8, 0.36])
    maps = empty_maps(sun[None], (0, 0.5, 0), 2.0, 400)
    add_triangles(maps, vertices, triangles)
    samples = Samples.empty(20, 20)
    points, normals = flat_ground(random, 400)
    samples.position[:], samples.normal[:] = points.reshape(20, 20, 3), normals.reshape(20, 20, 3)
    samples.inverse_depth[:] = 0.1
    samples.inverse_depth[0, 0] = 0  # sky
    samples.mesh_of[5:, :] = 2
    take_sun(maps, 0.005, 0.002, True, samples)
    expected = np.array([first_hit(p, sun, vertices, triangles) == np.inf for p in points]).reshape(20, 20)
    assert 0.2 < expected.mean() < 0.95
    sure = np.isin(samples.lit, (0, 1))
    sure[0, 0] = False
    assert sure.mean() > 0.9 and np.mean(samples.lit[sure] == expected[sure]) > 0.98
    assert samples.lit[0, 0] == 1
    samples.lit[:] = 1
    take_sun(maps, 0.005, 0.002, False, samples)
    assert (samples.lit[:5] == 1).all() and (samples.lit[5:] < 1).any()


def test_developing_is_the_mean_of_two_by_two():
    random = np.random.default_rng(9)
    samples = Samples.empty(6, 8)
    for field in ("ambient", "direct"):
        getattr(samples, field)[:] = random.random((6, 8, 3))
    samples.lit[:] = random.random((6, 8))
    light = samples.ambient + samples.direct * samples.lit[..., None]
    np.testing.assert_allclose(develop(samples), light.reshape(3, 2, 4, 2, 3).mean(axis=(1, 3)), rtol=1e-5)


def test_ground_truth_is_what_most_samples_show():
    random = np.random.default_rng(10)
    vertices = random.uniform(0, 12, (9, 2))
    screen = np.c_[vertices, random.uniform(0.2, 1, 9)].astype(np.float32)
    surface = random.normal(size=(9, 3)).astype(np.float32)
    triangles = np.arange(9, dtype=np.int32).reshape(3, 3)
    part = np.array([4, 0, 2], np.uint8)
    mesh_of = random.integers(-1, 2, (12, 12)).astype(np.int8)
    triangle_of = random.integers(0, 3, (12, 12)).astype(np.int32)
    parts, places = measure(mesh_of, triangle_of, 1, screen, triangles, part, surface)
    for row in range(6):
        for column in range(6):
            block = (slice(2 * row, 2 * row + 2), slice(2 * column, 2 * column + 2))
            shown = np.where(mesh_of[block] == 1, part[triangle_of[block]].astype(int), -1).ravel()
            assert parts[row, column] == most_common_part(shown.tolist())
            assert np.isnan(places[row, column]).all() == (parts[row, column] == 0)


@pytest.fixture(scope="module")
def scene():
    camera = next(c for c in (describe_camera("campus", 0, n) for n in range(30)) if c.light.softness < 0.05)
    return camera, draw_backdrop(camera)


def stand(camera, x, distance, colour=(200, 40, 40)):
    return Placed(capsule(colour), x, distance, 0.3)


def around(arrangement, number, margin=60):
    left, top, right, bottom = arrangement.extent(number)
    box = (
        max(left - margin, 0),
        max(top - margin, 0),
        min(right + margin, FRAME_WIDTH),
        min(bottom + margin, FRAME_HEIGHT),
    )
    return tuple(int(edge) for edge in box)


def test_the_nearer_person_covers_the_farther(scene):
    camera, backdrop = scene
    middle = 0.5 * (camera.nearest + camera.farthest)
    for near in (0, 1):
        distances = (middle - 0.8, middle) if near == 0 else (middle, middle - 0.8)
        arrangement = arrange(camera, backdrop, [stand(camera, 0.0, distance) for distance in distances])
        rendering = render(arrangement, around(arrangement, 0))
        counts = [np.count_nonzero(rendering.samples.mesh_of == number) for number in (0, 1)]
        assert counts[near] > 2 * counts[1 - near]
        assert visible_share(arrangement, near, [1 - near]) == 1
        assert visible_share(arrangement, 1 - near, [near]) < 0.6
        parts, _ = rendering.truth(near)
        assert set(np.unique(parts)) == {0, 1, 10}


def test_things_nearer_than_a_person_stay_in_front_and_farther_ones_behind(scene):
    camera, backdrop = scene
    distance = 0.5 * (camera.nearest + camera.farthest)
    arrangement = arrange(camera, backdrop, [stand(camera, 0.0, distance)])
    box = around(arrangement, 0)
    free = np.count_nonzero(render(arrangement, box).samples.mesh_of == 0)
    for depth, expected in ((0.5 * distance, 0), (3 * distance, free)):
        wall = dataclasses.replace(backdrop, inverse_depth=np.full_like(backdrop.inverse_depth, 1 / depth))
        samples = render(arrange(camera, wall, [stand(camera, 0.0, distance)]), box).samples
        assert abs(np.count_nonzero(samples.mesh_of == 0) - expected) <= 0.35 * free * (expected > 0)


def test_a_person_throws_a_shadow_away_from_the_sun_and_darkens_the_ground_at_the_feet(scene):
    camera, backdrop = scene
    distance = camera.nearest + 0.4 * (camera.farthest - camera.nearest)
    # A place without shadow of things: evenly lit ground, seen by nothing but this person.
    backdrop = dataclasses.replace(
        backdrop, sun=empty_maps(camera.light.sun[None], (0, 0, 0), 9.0, 8), direct=np.full_like(backdrop.direct, 4000)
    )
    arrangement = arrange(camera, backdrop, [stand(camera, 0.0, distance)])
    samples = render(arrangement, around(arrangement, 0, 120)).samples
    ground = (samples.mesh_of < 0) & (np.abs(samples.position[..., 1]) < 0.05)
    away = samples.position - (0, 0, -distance)
    near = ground & (np.hypot(away[..., 0], away[..., 2]) < 1.2)
    along = away[..., 0] * camera.light.sun[0] + away[..., 2] * camera.light.sun[2]
    dark, bright = samples.lit[near & (along < -0.3)].mean(), samples.lit[near & (along > 0.3)].mean()
    assert dark < 0.97 and bright > 0.995
    window = backdrop.window(camera, *(around(arrangement, 0, 120)[i] for i in (1, 0, 3, 2)))
    dimmed = samples.ambient[..., 1] / np.maximum(window.ambient[..., 1], 1e-4)
    feet = ground & (np.hypot(away[..., 0], away[..., 2]) < 0.35)
    far = ground & (np.hypot(away[..., 0], away[..., 2]) > 1.0)
    assert dimmed[feet].mean() < 0.85 < 0.95 < dimmed[far].mean()
    assert dimmed.max() < 1.001


def test_a_part_of_the_frame_is_the_same_whatever_else_is_drawn(scene):
    camera, backdrop = scene
    arrangement = arrange(camera, backdrop, [stand(camera, 0.2, camera.nearest + 1.0)])
    left, top, right, bottom = around(arrangement, 0, 20)
    whole, part = (
        render(arrangement, (left, top, right, bottom)),
        render(arrangement, (left + 7, top + 5, right - 3, bottom - 9)),
    )
    inner = (slice(5, -9), slice(7, -3))
    np.testing.assert_allclose(whole.samples.ambient[10:-18, 14:-6], part.samples.ambient, atol=2e-3)
    np.testing.assert_allclose(whole.picture[inner], part.picture, atol=0.2)
    np.testing.assert_array_equal(whole.truth(0)[0][inner], part.truth(0)[0])


def test_body_surface_coordinates_lie_where_the_camera_sees_them(scene):
    """Of a body whose surface coordinates are its own vertices, each pixel's place projects back into the pixel."""
    camera, backdrop = scene
    person = stand(camera, -0.3, camera.nearest + 1.2)
    arrangement = arrange(camera, backdrop, [person])
    box = around(arrangement, 0, 10)
    parts, surface = render(arrangement, box).truth(0)
    rows, columns = np.nonzero(parts)
    places = Placed(
        dataclasses.replace(person.mesh, vertices=surface[rows, columns]), *(person.x, person.distance), 0.3
    )
    seen = camera.project(places.vertices())
    assert len(rows) > 500
    assert np.abs(seen[:, 0] - box[0] - columns - 0.5).max() < 1
    assert np.abs(seen[:, 1] - box[1] - rows - 0.5).max() < 1
    assert len(PARTS) < 255


def test_what_is_carried_is_outside_of_the_extent_and_has_no_place_on_the_body(scene):
    camera, backdrop = scene
    body = capsule()
    bag = np.array([[0.2, 0.8, 0.3], [0.9, 0.8, 0.3], [0.9, 1.2, 0.3], [0.2, 1.2, 0.3]])
    vertices = np.concatenate([body.vertices, bag])
    triangles = np.concatenate([body.triangles, TWO + len(body.vertices), TWO[:, ::-1] + len(body.vertices)])
    part = np.concatenate([body.part, np.full(4, PARTS.index("carried"))])
    mesh = as_mesh(vertices, triangles, body.materials, part=part)
    mesh.surface[-4:] = np.nan
    distance = camera.nearest + 1.0
    arrangement = arrange(camera, backdrop, [Placed(mesh, 0.0, distance, 0.0)])
    alone = arrange(camera, backdrop, [Placed(body, 0.0, distance, 0.0)])
    assert arrangement.extent(0) == pytest.approx(alone.extent(0))
    parts, surface = render(arrangement, around(alone, 0, 80)).truth(0)
    carried = parts == 1 + PARTS.index("carried")
    assert carried.sum() > 30 and np.isnan(surface[carried]).all()
    assert np.isfinite(surface[(parts > 0) & ~carried]).all()


@pytest.mark.parametrize(
    ("x", "distance", "heading", "expected"),
    [(0, 5, 0, 0), (0, 5, np.pi, 180), (0, 5, -np.pi / 2, 90), (3, 3, 0, 315), (-3, 3, np.pi / 2, 315)],
)
def test_viewpoint_is_where_the_camera_is_from_the_person(x, distance, heading, expected):
    # A marker a metre from the person's middle at this angle from its front, to its left, is the nearest to the camera.
    angles = np.radians(np.arange(0, 360, 15))
    ring = np.stack([np.sin(angles), np.zeros(24), np.cos(angles)], axis=1).astype(np.float32)
    placed = Placed(Mesh(ring, *[None] * 6), x, distance, heading)
    nearest = np.argmin(np.linalg.norm(placed.vertices(), axis=1))
    assert 15 * nearest == expected and placed.viewpoint() == pytest.approx(expected)
