"""Bodies, their motion, and the cloth and nets that are cut and hung on them."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qaconv_tf.people.cloth import between, cut, strongest, unwrapped, vertex_normals, with_edges
from qaconv_tf.people.drape import COLUMNS, hang, sample, tube_profile
from qaconv_tf.people.forms import closed_loft, rounded_box, sweep
from qaconv_tf.people.gait import ARMS, Moment, draw_gait, draw_moment, pose_joints
from qaconv_tf.people.mesh import PARTS
from qaconv_tf.people.scalp import on_head, scalp_net
from qaconv_tf.people.shape import Shape, draw_shape, shape_body, target_amounts
from qaconv_tf.people.skinning import skin
from qaconv_tf.people.swing import keep_clear, leg_joints, leg_profile
from qaconv_tf.people.template import ARMS as ARM_TUBES
from qaconv_tf.people.template import LEGS, TRUNK, nearest_skin, template
from qaconv_tf.people.tubes import tube_axis, tube_coordinates, turned

STILL = Moment("swing", "swing", 0.0, 0.0, 0.0, (0.0, 0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def average():
    return Shape(female=False, age=25.0, height=1.75, weight=0.0, muscle=0.0, origin=(0.3, 0.3, 0.4), details=())


def girth(body, level):
    """Sum of extents across and deep at a height on the average body."""
    rest = template()
    near = np.flatnonzero(np.abs(rest.vertices[:, 1] - level) < 0.02)
    near = near[(near < rest.joint_rows.start) & (rest.tube[near] == TRUNK)]
    return np.ptp(body[near][:, [0, 2]], axis=0).sum()


def test_template_is_whole_and_symmetric():
    rest = template()
    assert sorted(set(rest.part.tolist())) == list(range(len(PARTS) - 1))
    np.testing.assert_allclose(rest.weights[: rest.joint_rows.start].sum(axis=1), 1, atol=1e-6)
    edges = np.sort(np.concatenate([rest.skin[:, [0, 1]], rest.skin[:, [1, 2]], rest.skin[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all(), "the skin has holes"
    left = rest.vertices[np.unique(rest.skin[np.isin(rest.tube[rest.skin[:, 0]], (ARM_TUBES[0], LEGS[0]))])]
    mirrored = left * [-1, 1, 1]
    assert np.linalg.norm(nearest_skin(mirrored) - mirrored, axis=1).max() < 1e-4


def test_shapes_are_what_their_numbers_say(average):
    body = shape_body(average)
    vertices = body[: template().joint_rows.start]
    assert np.ptp(vertices[:, 1]) == pytest.approx(1.75, abs=0.01) and vertices[:, 1].min() == pytest.approx(
        0, abs=1e-5
    )
    heavy, lean = (shape_body(dataclasses.replace(average, weight=weight)) for weight in (0.8, -0.8))
    assert girth(heavy, 1.03) > girth(body, 1.03) + 0.05 > girth(lean, 1.03) + 0.07
    child = target_amounts(dataclasses.replace(average, age=12.0))
    assert child["asian-male-child"] == pytest.approx(0.3) and not any("young" in name for name in child)
    assert sum(amount for name, amount in target_amounts(average).items() if name.count("-") == 2) == pytest.approx(1)
    stout = target_amounts(dataclasses.replace(average, weight=0.5, muscle=-0.4))
    assert stout["male-young-minmuscle-maxweight"] == pytest.approx(0.2)
    assert stout["male-young-averagemuscle-maxweight"] == pytest.approx(0.3)
    wide = shape_body(dataclasses.replace(average, details=(("measure-shoulder-dist", 1.0),)))
    rest = template()
    shoulders = [rest.joint("upperarm_l", made)[0] - rest.joint("upperarm_r", made)[0] for made in (body, wide)]
    assert shoulders[1] > shoulders[0] + 0.01


def test_drawn_shapes_differ_and_stay_in_range():
    shapes = [draw_shape(np.random.default_rng(seed)) for seed in range(200)]
    heights = np.array([shape.height for shape in shapes])
    assert len(set(shapes)) == 200 and 1.2 <= heights.min() < 1.6 and 1.85 < heights.max() <= 2.0
    assert 0.35 < np.mean([shape.female for shape in shapes]) < 0.62
    assert all(sum(shape.origin) == pytest.approx(1) for shape in shapes)


@pytest.mark.parametrize("stride", [0.0, 0.6, 1.1])
def test_poses_keep_limbs_and_stand_on_the_ground(average, stride):
    rest, body = template(), shape_body(average)
    random = np.random.default_rng(5)
    gait = draw_gait(random, average)
    for phase in np.linspace(0, 2 * np.pi, 6):
        rotations, shifts = pose_joints(body, gait, phase, stride, draw_moment(random))
        np.testing.assert_allclose(rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (28, 1, 1)), atol=1e-5)
        assert (np.linalg.det(rotations) > 0).all()
        places = body[rest.joint_rows]
        moved = np.einsum("jxy,jy->jx", rotations, places) + shifts
        for joint, parent in enumerate(rest.parents):
            if parent >= 0:
                before = np.linalg.norm(places[joint] - places[parent])
                assert np.linalg.norm(moved[joint] - moved[parent]) == pytest.approx(before, abs=1e-4)
        soles = skin(body, rest.bones, rest.weights, rotations, shifts)[: rest.joint_rows.start]
        feet = soles[np.isin(rest.part[: len(soles)], [PARTS.index("left foot"), PARTS.index("right foot")])]
        # Whatever the phase, a foot carries the body, the head is above it and upright.
        assert soles[:, 1].argmin() in np.flatnonzero(np.isin(rest.part[: len(soles)], [11, 14]))
        assert 1.55 < soles[:, 1].max() - feet[:, 1].min() < 1.82


def test_legs_take_turns_and_arms_swing_against_them(average):
    rest, body = template(), shape_body(average)
    gait = draw_gait(np.random.default_rng(0), average)
    for phase, sign in ((0.0, 1), (np.pi, -1)):
        rotations, shifts = pose_joints(body, gait, phase, 1.0, STILL)
        moved = np.einsum("jxy,jy->jx", rotations, body[rest.joint_rows]) + shifts
        forward = {name: moved[index, 2] for name, index in rest.joints.items()}
        assert sign * (forward["foot_l"] - forward["foot_r"]) > 0.4
        assert sign * (forward["hand_l"] - forward["hand_r"]) < -0.05
    standing, _ = pose_joints(body, gait, 1.0, 0.0, STILL)
    again, _ = pose_joints(body, gait, 2.5, 0.0, STILL)
    np.testing.assert_allclose(standing, again, atol=1e-6)


def test_what_arms_do(average):
    rest, body = template(), shape_body(average)
    gait = draw_gait(np.random.default_rng(0), average)
    hands = {}
    for arm in ARMS:
        rotations, shifts = pose_joints(body, gait, 1.0, 0.5, dataclasses.replace(STILL, left_arm=arm))
        hands[arm] = rotations[rest.joints["hand_l"]] @ rest.joint("hand_l", body) + shifts[rest.joints["hand_l"]]
    head = rest.joint("neck_01", body)
    assert (
        hands["phone to ear"][1] > head[1] - 0.08
        and hands["reading"][2] > 0.25
        and hands["holding"][1] < 0.62 * head[1]
    )
    assert hands["folded"][0] < hands["reading"][0] + 0.05 < hands["swing"][0]
    busy = [draw_moment(np.random.default_rng(seed), ("left",)) for seed in range(60)]
    assert {moment.left_arm for moment in busy} == {"holding"} and len({moment.right_arm for moment in busy}) > 2


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(-0.9, 0.9))
def test_cutting_a_ball_leaves_what_is_above_the_line(seed, level):
    vertices, triangles, _ = rounded_box((0, 0, 0), (1, 1, 1), roundness=1.0, rows=9, columns=14)
    direction = np.random.default_rng(seed).normal(size=3)
    amount = vertices @ direction / np.linalg.norm(direction) - level

    def area(values, corners):
        a, b, c = np.moveaxis(values[corners], 1, 0)
        return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2

    sides = []
    for sign in (1, -1):
        edges, share, kept, source = cut(triangles, sign * amount)
        values = with_edges(np.concatenate([vertices, amount[:, None]], axis=1), edges, share)
        assert (sign * values[kept.ravel(), 3] > -2e-5).all() and (np.abs(values[len(vertices) :, 3]) < 2e-5).all()
        sides.append(area(values[:, :3], kept))
        before = np.cross(*np.moveaxis(np.diff(vertices[triangles[source]], axis=1), 1, 0))
        after = np.cross(*np.moveaxis(np.diff(values[:, :3][kept], axis=1), 1, 0))
        assert ((before * after).sum(axis=1) > -1e-12).all(), "a piece was turned over"
    assert sum(sides) == pytest.approx(area(vertices, triangles), rel=1e-3)


def test_tubes_follow_their_joints(average):
    body = shape_body(average)
    for tube in (*ARM_TUBES, *LEGS):
        axis = tube_axis(tube, body)
        lengths = np.linalg.norm(np.diff(axis, axis=0), axis=1)
        along, _, radius, _ = tube_coordinates(tube, body, axis.astype(float))
        np.testing.assert_allclose(along, [0, lengths[0], lengths.sum()], atol=1e-6)
        np.testing.assert_allclose(radius, 0, atol=1e-6)
    front = tube_axis(LEGS[0], body)[0] + [0.03, -0.1, 0.10]
    _, angle, _, outward = tube_coordinates(LEGS[0], body, front[None])
    assert 0 < angle[0] < np.pi / 4 and outward[0, 2] > 0.8
    before, after = np.array([0.0, -1, 0]), np.array([0.6, 0, 0.8])
    np.testing.assert_allclose(turned(before, before, after), after, atol=1e-12)


def test_cloth_hangs_from_what_stands_out():
    along = np.broadcast_to(np.linspace(1.3, 0.9, 9)[:, None], (9, COLUMNS))
    radius = np.full((9, COLUMNS), 0.1)
    radius[2] = 0.2
    straight, close = (hang(along, radius, 0.01, cling, smooth=0) for cling in (0.0, 100.0))
    np.testing.assert_allclose(straight[2:], 0.21)
    np.testing.assert_allclose(close, radius + 0.01)
    np.testing.assert_allclose(
        hang(along, radius, 0.01, 0.4, smooth=0)[2:, 0], np.maximum(0.21 - 0.4 * 0.05 * np.arange(7), 0.11)
    )
    assert (np.diff(hang(along, radius, 0.0, 0.0, flare=0.3, smooth=0)[3:, 0]) > 0.01).all()
    assert (hang(along, radius, 0.0, 1.0, smooth=3) >= hang(along, radius, 0.0, 1.0, smooth=0)).all()
    angle = np.random.default_rng(0).uniform(-np.pi, np.pi, 50)
    waves = 0.1 + 0.01 * np.cos(2 * np.pi * np.arange(COLUMNS) / COLUMNS - np.pi)[None] + 0 * along
    np.testing.assert_allclose(sample(along, waves, np.full(50, 1.0), angle), 0.1 + 0.01 * np.cos(angle), atol=2e-4)


def test_profiles_are_the_body_s(average):
    lean = shape_body(dataclasses.replace(average, weight=-0.6))
    heavy = shape_body(dataclasses.replace(average, weight=0.6))
    for tube in range(5):
        (_, thin), (_, thick) = tube_profile(tube, lean), tube_profile(tube, heavy)
        assert (thin > 0.005).all() and thick.mean() > thin.mean() + 0.002


def test_skirts_are_pushed_off_the_legs(average):
    body = shape_body(average)
    gait = draw_gait(np.random.default_rng(0), average)
    rotations, shifts = pose_joints(body, gait, 0.0, 1.0, STILL)
    legs = leg_joints(body, rotations, shifts)
    profile = leg_profile(body, 0.0, 5.0)
    random = np.random.default_rng(0)
    height = random.uniform(0.35, 0.85, 400)
    points = np.stack([random.uniform(-0.2, 0.2, 400), height, random.uniform(-0.3, 0.4, 400)], 1).astype(np.float32)
    clear = np.where(np.arange(400) % 4 == 0, 0, 0.02).astype(np.float32)
    moved = points.copy()
    keep_clear(moved, clear, legs, *profile)
    np.testing.assert_array_equal(moved[clear == 0], points[clear == 0])
    np.testing.assert_array_equal(moved[:, 1], points[:, 1])
    pushed = np.any(moved != points, axis=1)
    assert 20 < pushed.sum() < 300
    again = moved.copy()
    keep_clear(again, clear, legs, *profile)
    np.testing.assert_allclose(again, moved, atol=1e-5)
    thigh = (legs[0, 0] + legs[0, 1]) / 2
    assert (
        np.linalg.norm((moved - thigh)[np.abs(points[:, 1] - thigh[1]) < 0.03][:, [0, 2]], axis=1)[
            clear[np.abs(points[:, 1] - thigh[1]) < 0.03] > 0
        ].min()
        > 0.05
    )


def test_scalp_net_lies_on_every_skull(average):
    vertices, shares, home = scalp_net("hair")
    assert shares.min() > -1e-4 and shares.max() < 1 + 1e-4
    assert home[0, :, 1].min() < 1.50 and home[-1, :, 1].min() > 1.655
    assert np.linalg.norm(nearest_skin(home.reshape(-1, 3)) - home.reshape(-1, 3), axis=1).max() < 0.02
    place, outward, _ = on_head("hat", shape_body(average))
    np.testing.assert_allclose(np.linalg.norm(outward, axis=-1), 1, atol=1e-9)
    assert place[..., 1].min() > 1.55 * 1.75 / 1.66 and (outward[-1, :, 1] > 0.9).all()


def test_forms_are_closed_and_face_outwards():
    ring = np.stack([np.cos(np.linspace(0, 5, 12)), np.linspace(0, 1, 12), np.sin(np.linspace(0, 5, 12))], axis=1)
    for vertices, triangles, uv in (sweep(ring, 0.1), rounded_box((1, 2, 3), (0.2, 0.3, 0.1))):
        corners = vertices[triangles]
        volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
        assert volume > 0 and uv.shape == (len(triangles), 3, 2)
        normals = vertex_normals(vertices, triangles)
        assert np.isfinite(normals).all()
    assert volume == pytest.approx(8 * 0.2 * 0.3 * 0.1, rel=0.35)
    turned_over = closed_loft(np.stack([ring[:, [0, 2, 1]] * [1, 1, 0] + [0, 0, z] for z in (1.0, 0.0)]))
    corners = turned_over[0][turned_over[1]]
    assert np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() > 0


def test_small_tools_of_cloth():
    uv = unwrapped(np.array([[[0.98, 0], [0.02, 0], [0.5 - 0.01, 1]], [[0.1, 0], [0.3, 0], [0.2, 0]]]))
    np.testing.assert_allclose(uv[..., 0], [[0.98, 1.02, 1.49], [0.1, 0.3, 0.2]])
    weights = np.array([[0, 0.5, 0.2, 0, 0.2, 0.1, 0], [1, 0, 0, 0, 0, 0, 0]])
    bones, shares = strongest(weights)
    dense = np.zeros_like(weights)
    np.add.at(dense, (np.arange(2)[:, None], bones), shares)
    np.testing.assert_allclose(dense, weights, atol=1e-6)
    assert strongest(np.full((1, 28), 1 / 28))[1].sum() == pytest.approx(1)
    bones, shares = between("head", "neck_01", np.array([0.25]))
    assert shares[0].tolist() == [0.75, 0.25, 0, 0] and bones[0, 0] == template().joints["head"]
