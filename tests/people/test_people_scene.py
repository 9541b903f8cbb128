import numpy as np
import pytest

from qaconv_tf.people.cameras import FRAME_HEIGHT, FRAME_WIDTH, describe_camera
from qaconv_tf.people.figure import Light, draw_figure
from qaconv_tf.people.layer import Layer
from qaconv_tf.people.networks import NETWORKS
from qaconv_tf.people.person import describe_person
from qaconv_tf.people.plan import plan_shots
from qaconv_tf.people.routes import camera_distances, form_groups, plan_route
from qaconv_tf.people.surface import Tube, visible_pixels
from qaconv_tf.people.walk import View, body_joints

LIGHT = Light(direction=(0.3, -0.5, 0.81), ambient=0.6, strength=0.5, warmth=0.02)


def view_of(**changes):
    at_rest = dict(heading=0.0, pitch=0.1, distance=10.0, phase=1.0, stride=0.3, arms="swing", head_turn=0.0, lean=0.0)
    return View(**at_rest | changes)


@pytest.mark.parametrize("phase", np.linspace(0, 6, 7))
def test_walkers_stand_on_the_ground_and_keep_their_limbs(phase):
    person = describe_person("campus", 1, 11)
    joints = body_joints(person, view_of(phase=phase))
    lowest = min(place[1] for name, place in joints.items() if name.startswith(("heel", "toe")))
    assert lowest == pytest.approx(0.016 * person.height)
    for side in ("left", "right"):
        thigh = np.linalg.norm(joints[f"hip_{side}"] - joints[f"knee_{side}"])
        assert thigh == pytest.approx(0.245 * person.height, rel=0.01)
        assert joints[f"ankle_{side}"][2] <= joints[f"knee_{side}"][2] + 0.2  # knees bend backwards


def test_nearer_tube_covers_the_farther():
    random = np.random.default_rng(2)
    for near in (0, 1):
        depths = [random.uniform(-9, -5), random.uniform(5, 9)]
        if near == 0:
            depths.reverse()
        tubes = [
            Tube("tube", np.array([0.0, 20.0, depth]), np.array([0.0, 0.0, depth]), (4.0,), (4.0,), (0.0, 0.0), 0.0)
            for depth in depths
        ]
        pixels, _ = visible_pixels(tubes)
        assert set(pixels.tube) == {near}


def test_tube_fills_its_outline_with_its_own_coordinates():
    tube = Tube(
        "tube", np.array([10.0, 50.0, 0.0]), np.array([10.0, 10.0, 0.0]), (6.0, 3.0), (6.0, 3.0), (0.0, 0.0), 0.0
    )
    pixels, (left, top, right, _) = visible_pixels([tube])
    row, column = np.divmod(pixels.place, right - left)
    x, y = column + left + 0.5, row + top + 0.5
    along = (50 - y) / 40
    np.testing.assert_allclose(pixels.along, along, atol=1e-5)
    assert len(pixels.place) == pytest.approx(40 * (12 + 6) / 2, rel=0.06)
    np.testing.assert_allclose(np.sin(pixels.angle) * (6 - 3 * along), x - 10, atol=0.15)
    np.testing.assert_allclose(np.linalg.norm(pixels.normal, axis=0), 1, atol=1e-5)


def test_a_figure_is_seen_from_its_own_side():
    person = describe_person("campus", 0, 21)
    front, side = (draw_figure(person, view_of(heading=heading, stride=0.0), LIGHT, 90) for heading in (0.0, np.pi / 2))
    assert front.alpha.sum() > 1.15 * side.alpha.sum()
    assert 0 <= front.colour.min() and front.colour.max() <= 1 + 1e-6
    assert np.all(front.colour <= front.alpha[..., None] + 1e-6)


def test_bag_on_the_back_is_hidden_from_the_front():
    carrier = next(
        person for person in (describe_person("campus", 0, n) for n in range(200)) if person.outfit.bag == "backpack"
    )
    bag = np.asarray(carrier.outfit.bag_colour)
    shares = []
    for heading in (0.0, np.pi):
        figure = draw_figure(carrier, view_of(heading=heading), LIGHT, 90)
        height = figure.alpha.shape[0]
        chest = figure.colour[int(0.25 * height) : int(0.4 * height)]
        solid = figure.alpha[int(0.25 * height) : int(0.4 * height)] > 0.99
        shares.append(np.abs(chest[solid] - bag).mean())
    assert shares[1] < shares[0]


def test_people_differ_and_many_dress_in_black():
    people = [describe_person("campus", 0, identity) for identity in range(400)]
    assert len(set(people)) == 400
    dark = [max(person.outfit.upper.colour) < 0.25 for person in people]
    assert 0.15 < np.mean(dark) < 0.5
    both = [top and max(person.outfit.lower.colour) < 0.25 for top, person in zip(dark, people, strict=True)]
    assert np.sum(both) > 20


def test_another_seed_is_another_person():
    assert len({describe_person("campus", seed, 5) for seed in range(30)}) == 30


def test_networks_share_no_person_and_no_camera():
    people = [{describe_person(network, 0, identity) for identity in range(50)} for network in NETWORKS]
    assert len(set.union(*people)) == 150
    sensors = {describe_camera(network, 0, number).sensor for network in NETWORKS for number in range(6)}
    assert len(sensors) == 18


@pytest.mark.parametrize("network", NETWORKS)
def test_lanes_lie_in_the_picture(network):
    for number in range(6):
        camera = describe_camera(network, 9, number)
        for lane in camera.lanes:
            assert np.linalg.norm(np.subtract(lane.end, lane.start)) > 1
            for end in (lane.start, lane.end):
                column, row, scale = camera.ground(*end)
                assert 0 < column < FRAME_WIDTH and 0 < row < FRAME_HEIGHT
                assert row - 1.7 * scale > -40
                assert camera.distance_of_row(row) == pytest.approx(end[1])


def test_layer_blends_where_it_overlaps():
    random = np.random.default_rng(4)
    alpha = random.uniform(0, 1, (5, 7)).astype(np.float32)
    colour = random.uniform(0, 1, (5, 7, 3)).astype(np.float32) * alpha[..., None]
    layer = Layer(3.0, -2, 4, colour, alpha)
    picture = random.uniform(0, 1, (6, 8, 3)).astype(np.float32)
    expected = picture.copy()
    for row in range(6):
        for column in range(8):
            i, j = row + 1 + 2, column + 2 - 4
            if 0 <= i < 5 and 0 <= j < 7:
                expected[row, column] = picture[row, column] * (1 - alpha[i, j]) + colour[i, j]
    layer.paste(picture, corner=(1, 2))
    np.testing.assert_allclose(picture, expected, rtol=1e-6)
    before = picture.copy()
    layer.paste(picture, corner=(100, 100))
    np.testing.assert_array_equal(picture, before)


def test_visible_share_counts_what_is_not_covered():
    target = Layer(5.0, 10, 10, np.zeros((4, 6, 3), np.float32), np.ones((4, 6), np.float32))
    other = Layer(4.0, 12, 13, np.zeros((9, 9, 3), np.float32), np.full((9, 9), 0.5, np.float32))
    assert target.visible_beside(other) == pytest.approx(1 - 0.5 * 2 * 3 / 24)


def test_groups_walk_together_and_never_mix_parts():
    groups = form_groups("campus", 0, range(1, 301))
    assert [identity for group in groups for identity in group] == list(range(1, 301))
    assert {len(group) for group in groups} == {1, 2, 3}
    walks = {}
    for shot in plan_shots("campus", 0, 40, 20, 1, 3):
        folder = shot.path.split("/")[0]
        walks.setdefault(shot.walk, set()).add(folder == "bounding_box_train")
    assert all(len(parts) == 1 for parts in walks.values())


def test_travel_takes_the_time_of_the_distance():
    distances = camera_distances("station", 2)
    np.testing.assert_allclose(distances, distances.T)
    for leader in range(1, 30):
        route = plan_route("station", 2, (leader,), 5)
        assert len({walk.camera for walk in route}) == 5
        for earlier, later in zip(route[:-1], route[1:], strict=True):
            needed = distances[earlier.camera, later.camera] / earlier.speed
            assert needed <= later.start - earlier.start < needed + 90


def test_paths_are_distinct_even_where_many_walk():
    shots = plan_shots("campus", 0, 10, 300, 3, 6)
    assert len({shot.path for shot in shots}) == len(shots)
    assert len(shots) == (10 + 300 + 75) * 3 * 6
