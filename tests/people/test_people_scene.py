import numpy as np
import pytest

from qaconv_tf.people.backdrop import draw_backdrop
from qaconv_tf.people.cameras import FRAME_HEIGHT, FRAME_WIDTH, describe_camera
from qaconv_tf.people.grounds import GROUNDS, draw_ground
from qaconv_tf.people.light import draw_light
from qaconv_tf.people.networks import NETWORKS
from qaconv_tf.people.noise import cells, fractal, joints
from qaconv_tf.people.plan import plan_shots
from qaconv_tf.people.routes import camera_distances, form_groups, plan_route
from qaconv_tf.people.scenery import build_place
from qaconv_tf.people.sensor import expose
from qaconv_tf.people.solids import box, grid, lathe, leaves
from qaconv_tf.people.textures import pack_materials
from qaconv_tf.people.things import THINGS, Stock, draw_thing
from qaconv_tf.people.walls import WALLS, draw_wall
from tests.people.stand_in import plain


def normals_of(solid):
    a, b, c = np.moveaxis(solid.vertices[solid.triangles], 1, 0)
    return np.cross(b - a, c - a)


def test_boxes_and_round_bodies_face_outwards_and_close():
    random = np.random.default_rng(0)
    for solids, faces in (
        (box(1.0, 2.0, 0.5, "paint", step=0.4), 5),
        (lathe([(0.3, 0.0), (0.4, 0.5), (0.2, 1.0)], "paint", 12, cap="lid"), 2),
    ):
        assert len(solids) == faces
        for solid in solids:
            middles = solid.vertices[solid.triangles].mean(axis=1) - (0, 0.8, 0)
            assert (np.sum(normals_of(solid) * middles, axis=1) > 0).all()
    area = sum(np.linalg.norm(normals_of(solid), axis=1).sum() / 2 for solid in box(1.0, 2.0, 0.5, "paint", step=0.3))
    assert area == pytest.approx(2 * (1.0 * 2.0 + 0.5 * 2.0) + 1.0 * 0.5, rel=1e-5)
    crown = leaves(random, (0, 2, 0), (1, 0.5, 1), 200, 0.1, "leaf")
    assert len(crown.triangles) == 400 and np.abs(crown.vertices - (0, 2, 0)).max() < 1.3


def test_a_piece_turns_about_its_own_axis_and_then_moves():
    (front, right, *_) = box(2.0, 1.0, 2.0, "paint")
    turned = front.placed(3.0, 8.0, heading=np.pi / 2)
    np.testing.assert_allclose(
        normals_of(turned).sum(0) / np.linalg.norm(normals_of(turned).sum(0)), [1, 0, 0], atol=1e-6
    )
    np.testing.assert_allclose(turned.vertices.mean(0), [4.0, 0.5, -8.0], atol=1e-6)
    assert right.material == "paint"


def test_a_grid_repeats_its_texture_by_its_size():
    solid = grid((0, 3, 0), (4, 0, 0), (0, -3, 0), "wall", tile=(2.0, 1.5), step=1.0, shift=(0.25, 0.0))
    places, uv = solid.vertices[solid.triangles], solid.corner_uv
    np.testing.assert_allclose(uv[..., 0], places[..., 0] / 2 + 0.25, atol=1e-5)
    np.testing.assert_allclose(uv[..., 1], (3 - places[..., 1]) / 1.5, atol=1e-5)


def test_noise_has_its_moments_and_no_seam():
    random = np.random.default_rng(1)
    field = fractal(random, 64, 1.5)
    assert field.mean() == pytest.approx(0, abs=1e-5) and field.std() == pytest.approx(1, rel=1e-3)
    inner = np.abs(np.diff(field, axis=0)).mean()
    assert np.abs(field[0] - field[-1]).mean() < 2 * inner
    assert np.unique(cells(random, 4, 8, 64)).size == 32


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_joints_surround_every_slab(shift):
    joint, row, column = joints(4, 2, 64, 2.0, shift)
    assert joint.max() == 1 and set(np.unique(row)) == set(range(4)) and set(np.unique(column)) == {0, 1}
    changes = (row != np.roll(row, 1, 0)) | (column != np.roll(column, 1, 1))
    assert joint[changes].min() > 0
    assert joint.mean() == pytest.approx(2.0 * (4 + 2) / 64, rel=0.35)


@pytest.mark.parametrize(
    "draw, kind", [(draw_ground, kind) for kind in GROUNDS] + [(draw_wall, kind) for kind in WALLS]
)
def test_surfaces_are_neither_flat_nor_the_same_twice(draw, kind):
    first, metres = draw(np.random.default_rng(2), kind)
    second, _ = draw(np.random.default_rng(3), kind)
    assert first.texture.dtype == np.uint8 and 1 < metres < 8
    assert first.texture.std() > 3 and 15 < first.texture.mean() < 240
    assert np.abs(first.texture.astype(int) - second.texture).mean() > 5
    assert first.bump is None or (first.bump.dtype == np.float32 and first.bump.std() < 0.05)


@pytest.mark.parametrize("kind", THINGS)
def test_things_stand_on_the_ground(kind):
    stock = Stock()
    solids = draw_thing(np.random.default_rng(4), stock, kind)
    vertices = np.concatenate([solid.vertices for solid in solids])
    assert abs(vertices[:, 1].min()) < 0.12 and 0.3 < vertices[:, 1].max() < 8
    assert {solid.material for solid in solids} <= set(stock.materials)
    assert np.isfinite(vertices).all()


def test_packed_copies_halve_and_keep_their_mean():
    random = np.random.default_rng(5)
    texture = random.integers(0, 256, (64, 32, 3)).astype(np.uint8)
    bump = random.normal(size=(16, 16)).astype(np.float32)
    materials = (plain((9, 9, 9)), type(plain((0, 0, 0)))(texture, bump, 0.1, True))
    paints = pack_materials(materials)
    assert paints is pack_materials(materials)
    for level in range(paints.levels[1, 0]):
        start, height, width = paints.places[1, 0, level]
        assert (height, width) == (64 >> level, 32 >> level)
        copy = paints.colours[start : start + height * width].reshape(height, width, 3)
        assert np.abs(copy.mean(axis=(0, 1)) - texture.mean(axis=(0, 1))).max() < 1
    start, height, width = paints.places[1, 1, 0]
    slopes = paints.slopes[start : start + height * width].reshape(height, width, 2)
    for row, column in random.integers(0, 16, (20, 2)):
        along_u = (bump[row, (column + 1) % 16] - bump[row, column - 1]) / (2 / 16)
        along_v = (bump[(row + 1) % 16, column] - bump[row - 1, column]) / (2 / 16)
        np.testing.assert_allclose(slopes[row, column], [along_u, along_v], rtol=1e-4, atol=1e-5)
    assert paints.levels[0, 1] == 0


@pytest.mark.parametrize("outdoor", [True, False])
def test_light_adds_up_to_about_one(outdoor):
    random = np.random.default_rng(6)
    for _ in range(20):
        light = draw_light(random, outdoor, 0.5, 1.0)
        np.testing.assert_allclose(np.linalg.norm(light.sky, axis=1), 1, rtol=1e-5)
        assert (light.sky[:, 1] > 0).all() and light.sun[1] > 0.2
        up = light.sun_colour * light.sun[1] + (light.sky_colours * light.sky[:, 1:2]).sum(0)
        assert 0.4 < up.mean() < 3
        assert np.linalg.norm(light.lean) <= 1


@pytest.mark.parametrize("network", NETWORKS)
def test_people_on_the_lanes_are_in_the_picture(network):
    for number in range(6):
        camera = describe_camera(network, 9, number)
        for lane in camera.lanes:
            assert lane.length > 1
            for x, distance in (lane.start, lane.end):
                feet, head = camera.project(np.array([[x, 0, -distance], [x, 1.75, -distance]]))
                assert 0 < feet[0] < FRAME_WIDTH and 0 < feet[1] < FRAME_HEIGHT
                assert 0 < head[0] < FRAME_WIDTH and -30 < head[1] < feet[1]
                assert 50 < feet[1] - head[1] < 280


def test_a_place_leaves_the_ways_free_and_is_the_same_every_time():
    camera = describe_camera("quay", 1, 2)
    place, again = build_place(camera), build_place(camera)
    assert len(place.solids) > 20 and set(place.materials) == set(again.materials)
    for first, second in zip(place.solids, again.solids, strict=True):
        np.testing.assert_array_equal(first.vertices, second.vertices)
    high = np.concatenate([solid.vertices for solid in place.solids])
    high = high[(high[:, 1] > 0.2) & (high[:, 1] < 1.9)]
    for lane in camera.lanes:
        for share in np.linspace(0, 1, 15):
            x, distance = np.array(lane.start) + share * (np.array(lane.end) - np.array(lane.start))
            assert np.hypot(high[:, 0] - x, high[:, 2] + distance).min() > 0.2


def test_the_backdrop_shows_the_ground_where_it_is():
    camera = describe_camera("station", 3, 0)
    backdrop = draw_backdrop(camera)
    samples = backdrop.window(camera, FRAME_HEIGHT - 60, 200, FRAME_HEIGHT, 440)
    assert np.median(np.abs(samples.position[..., 1])) < 0.02  # people stand on it, so height 0
    columns, rows, nearness = camera.project(samples.position[::20, ::20].reshape(-1, 3)).T
    np.testing.assert_allclose(columns.reshape(6, -1)[0], 200 + (np.arange(0, 480, 20) + 0.5) / 2, atol=1e-2)
    np.testing.assert_allclose(
        rows.reshape(6, -1)[:, 0], FRAME_HEIGHT - 60 + (np.arange(0, 120, 20) + 0.5) / 2, atol=1e-2
    )
    np.testing.assert_allclose(nearness, samples.inverse_depth[::20, ::20].ravel(), rtol=1e-3)
    light = samples.ambient + samples.direct
    assert 0.005 < light.mean() < 2 and light.std() > 0.005
    assert (backdrop.inverse_depth > 0).mean() > 0.6


def test_networks_share_no_camera_and_no_place():
    sensors = {describe_camera(network, 0, number).sensor for network in NETWORKS for number in range(6)}
    assert len(sensors) == 6 * len(NETWORKS)
    textures = set()
    for network in NETWORKS:
        place = build_place(describe_camera(network, 0, 0))
        textures |= {material.texture.tobytes() for material in place.materials.values()}
    counts = [len(build_place(describe_camera(network, 0, 0)).materials) for network in NETWORKS]
    assert len(textures) == sum(counts)


def test_the_sensor_keeps_size_and_order_of_brightness():
    import io

    from PIL import Image

    camera = describe_camera("campus", 0, 0)
    means = []
    for light in (0.05, 0.3, 0.9, 3.0):
        content = expose(np.full((60, 30, 3), light, np.float32), camera.sensor, np.random.default_rng(7))
        image = np.asarray(Image.open(io.BytesIO(content)))
        assert image.shape == (60, 30, 3)
        means.append(image.mean())
    assert means == sorted(means) and means[0] < 90 and means[-1] > 180
    noisy = expose(np.full((60, 30, 3), 0.3, np.float32), camera.sensor, np.random.default_rng(7))
    assert 0.3 < np.asarray(Image.open(io.BytesIO(noisy)).convert("L")).std() < 12


def test_groups_walk_together_and_never_mix_parts():
    groups = form_groups("campus", 0, range(1, 301))
    assert [identity for group in groups for identity in group] == list(range(1, 301))
    assert {len(group) for group in groups} == {1, 2, 3}
    walks = {}
    for shot in plan_shots("campus", 0, 40, 20, 1, 3):
        walks.setdefault(shot.walk, set()).add(shot.part == "train")
    assert all(len(parts) == 1 for parts in walks.values())


def test_travel_takes_the_time_of_the_distance():
    distances = camera_distances("station", 2)
    np.testing.assert_allclose(distances, distances.T)
    for leader in range(1, 30):
        route = plan_route("station", 2, (leader,), 5, leader)
        assert len({walk.camera for walk in route}) == 5
        for earlier, later in zip(route[:-1], route[1:], strict=True):
            needed = distances[earlier.camera, later.camera] / earlier.speed
            assert needed <= later.start - earlier.start < needed + 90


def test_distractors_walk_among_those_who_are_asked_for():
    shots = plan_shots("station", 4, 0, 80, 2, 4)
    asked, others = (
        [shot.walk.start for shot in shots if (shot.identity > 80) == distracts] for distracts in (False, True)
    )
    assert len(others) == len(asked) / 4
    for share in (0.25, 0.5, 0.75):
        assert 0.8 * np.quantile(asked, share) < np.quantile(others, share) < 1.25 * np.quantile(asked, share)


@pytest.mark.parametrize("layout", ["market1501", "randperson"])
def test_paths_are_distinct_even_where_many_walk(layout):
    shots = plan_shots("campus", 0, 10, 300, 3, 6, layout)
    assert len({shot.path for shot in shots}) == len(shots)
    assert len(shots) == (10 + 300 + 75) * 3 * 6
