"""How a body walks, stands and holds its arms: the rotations of its joints at one moment."""

import dataclasses

import numpy as np

from qaconv_tf.people.streams import choose
from qaconv_tf.people.template import SIDES, template

# Over one cycle from heel strike to heel strike, in degrees, rounded from Perry and Burnfield, "Gait Analysis", 2010:
# flexion of hip and knee, and the foot's pitch against the ground (toes up is positive).
_SHARE = np.array([0.0, 0.08, 0.15, 0.28, 0.40, 0.50, 0.56, 0.62, 0.70, 0.78, 0.86, 0.94, 1.0])
_HIP = np.array([28, 26, 21, 8, -4, -10, -9, -3, 9, 20, 27, 29, 28.0])
_KNEE = np.array([4, 13, 17, 11, 5, 10, 22, 40, 60, 56, 33, 9, 4.0])
_PITCH = np.array([20, 6, 0, 0, -3, -16, -33, -52, -50, -26, -4, 14, 20.0])
ARMS = {"swing": 78, "phone to ear": 3, "reading": 6, "pocket": 9, "folded": 2, "holding": 2}


@dataclasses.dataclass(frozen=True)
class Gait:
    """A person's own way of walking; amounts beside 1 are shares of the usual, angles are degrees.

    Args:
        stride: float. Of the step's length.
        swing: float. Degrees that the arms swing to each side of their middle.
        elbow: float. Bend of the elbows.
        spread: float. How far the arms stand off.
        toe_out: float. How far the feet turn out.
        sway: float. Of hips and shoulders.
        lean: float. Of the trunk, forward.
        stoop: float. Of the neck, forward.
    """

    stride: float
    swing: float
    elbow: float
    spread: float
    toe_out: float
    sway: float
    lean: float
    stoop: float


def draw_gait(random, shape):
    """Draws a person's `Gait`; `shape` is a `Shape`: age stoops, weight makes arms stand off."""
    return Gait(
        stride=float(np.clip(random.normal(1.0, 0.12) - 0.004 * max(shape.age - 55, 0), 0.6, 1.3)),
        swing=float(random.uniform(7, 25)),
        elbow=float(random.uniform(8, 32)),
        spread=float(random.uniform(5, 10) + 7 * max(shape.weight, 0)),
        toe_out=float(np.clip(random.normal(7, 4), -2, 18)),
        sway=float(random.uniform(0.5, 1.5) * (1.3 if shape.female else 0.9)),
        lean=float(np.clip(random.normal(2.0, 2.0) + 0.1 * max(shape.age - 55, 0), -2, 10)),
        stoop=float(np.clip(random.normal(6, 4) + 0.15 * max(shape.age - 50, 0), -2, 22)),
    )


@dataclasses.dataclass(frozen=True)
class Moment:
    """What one picture adds to a gait: what each arm does (a key of `ARMS`), where the head turns, degrees."""

    left_arm: str
    right_arm: str
    turn: float
    nod: float
    lean: float
    wobble: tuple


def draw_moment(random, busy=()):
    """Draws a `Moment`.

    Args:
        random: `numpy.random.Generator`.
        busy: tuple of "left" and "right": arms that carry something and hang.

    Returns:
        A `Moment`.
    """
    left = choose(random, ARMS)
    right = left if left in ("folded", "reading") and random.random() < 0.5 else choose(random, ARMS)
    left, right = ("holding" if side in busy else arm for side, arm in (("left", left), ("right", right)))
    both = "folded" in (left, right) and not busy
    return Moment(
        left_arm="folded" if both else "swing" if left == "folded" else left,
        right_arm="folded" if both else "swing" if right == "folded" else right,
        turn=float(np.clip(random.normal(0, 20), -60, 60)),
        nod=float(random.normal(2, 7)),
        lean=float(random.normal(0, 1.2)),
        wobble=tuple(random.normal(0, 1, 4).tolist()),
    )


def pose_joints(body, gait, phase, stride, moment):
    """Rotates the joints.

    Args:
        body: float32 array. Vertices and joints at rest, from `shape_body`.
        gait: `Gait`.
        phase: float. Radians; 0 is the left heel's strike, pi the right one's.
        stride: float. 0 stands, 1 walks.
        moment: `Moment`.

    Returns:
        `(rotations, shifts)`, float32 `(num_joints, 3, 3)` and `(num_joints, 3)`: a point of a joint goes from p to
        rotation @ p + shift.
    """
    rest = template()
    places = body[rest.joint_rows].astype(float)
    world = {}
    step = stride * gait.stride
    swing = np.cos(phase) * min(step, 1.2)
    twist = 5 * gait.sway * swing
    lean = gait.lean + moment.lean
    # The side of the swinging leg sinks.
    list_ = 3 * gait.sway * np.sin(phase) * min(step, 1.0) + (4 * moment.wobble[0] if stride < 0.1 else 0)
    world["pelvis"] = _about("y", -twist) @ _about("z", list_) @ _about("x", 0.3 * lean)
    world["spine_01"] = _about("y", -0.4 * twist) @ _about("z", 0.4 * list_) @ _about("x", 0.6 * lean)
    world["spine_02"] = _about("y", 0.3 * twist) @ _about("z", -0.2 * list_) @ _about("x", 0.9 * lean)
    world["spine_03"] = _about("y", 1.1 * twist) @ _about("z", -0.5 * list_) @ _about("x", lean + 0.2 * gait.stoop)
    world["neck_01"] = _about("y", 0.4 * moment.turn) @ _about("x", lean + gait.stoop)
    world["head"] = _about("y", moment.turn) @ _about("x", 0.3 * lean + 0.2 * gait.stoop + moment.nod)
    for index, (side, sign) in enumerate(zip(SIDES, (1, -1), strict=True)):
        share = (phase / (2 * np.pi) + 0.5 * index) % 1.0
        _set_leg(world, side, sign, places, gait, share, step, moment)
        _set_arm(world, side, sign, places, gait, share, step, moment)
    rotations = np.empty((len(places), 3, 3))
    shifts = np.empty((len(places), 3))
    for name, joint in rest.joints.items():
        parent = rest.parents[joint]
        rotations[joint] = world.get(name, rotations[parent] if parent >= 0 else np.eye(3))
        at = places[joint] if parent < 0 else rotations[parent] @ places[joint] + shifts[parent]
        shifts[joint] = at - rotations[joint] @ places[joint]
    return rotations.astype(np.float32), shifts.astype(np.float32)


def _about(axis, degrees):
    """The rotation about one axis: x nods, y turns to the left, z tilts to the right."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def _aimed(before, after):
    """The smallest rotation that brings the direction of `before` to that of `after`, which has length 1."""
    (a, b, c), (d, e, f) = before / np.sqrt(before @ before), after
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + cross + cross @ cross / (1 + a * d + b * e + c * f)


def _bone(places, upper, lower):
    joints = template().joints
    return places[joints[lower]] - places[joints[upper]]


def _set_leg(world, side, sign, places, gait, share, step, moment):
    """Thigh, shin and foot, in the pelvis' turn; the foot's pitch is against the ground, so that soles meet it."""
    small = min(step, 1.15)
    hip = np.interp(share, _SHARE, _HIP) * small
    knee = np.interp(share, _SHARE, _KNEE) * (small if step > 0.1 else 0) + 4 * (1 - min(small, 1))
    pitch = np.interp(share, _SHARE, _PITCH) * small
    apart = 2.0 if step > 0.1 else 3.0 + abs(2.5 * moment.wobble[1])
    if step <= 0.1:
        hip, knee = hip + 2 + 4 * moment.wobble[2] * sign, knee + max(0.0, 9 * moment.wobble[2] * sign)
        pitch = 0.0
    turn = _about("y", sign * gait.toe_out)
    pelvis = _about("y", np.degrees(np.arctan2(world["pelvis"][0, 2], world["pelvis"][2, 2])))
    thigh, shin = _bone(places, f"thigh{side}", f"calf{side}"), _bone(places, f"calf{side}", f"foot{side}")
    world[f"thigh{side}"] = pelvis @ _about("y", 0.5 * sign * gait.toe_out) @ _aimed(thigh, _hanging(hip, sign * apart))
    bent = _hanging(hip - knee, sign * 0.6 * apart)
    world[f"calf{side}"] = pelvis @ _about("y", 0.7 * sign * gait.toe_out) @ _aimed(shin, bent)
    world[f"foot{side}"] = turn @ _about("x", -pitch)
    # Toes stay on the ground while the heel rises.
    world[f"ball{side}"] = turn @ _about("x", -pitch if share > 0.66 else -max(pitch, 0.35 * pitch))


def _hanging(forward, outward):
    """The direction that hangs down, `forward` and `outward` degrees off."""
    return np.array(
        [
            np.sin(np.radians(outward)),
            -np.cos(np.radians(forward)) * np.cos(np.radians(outward)),
            np.sin(np.radians(forward)) * np.cos(np.radians(outward)),
        ]
    )


def _set_arm(world, side, sign, places, gait, share, step, moment):
    arm = moment.left_arm if sign > 0 else moment.right_arm
    # The arm swings against its leg, and less far back than forward.
    swing = -gait.swing * np.cos(2 * np.pi * (share - 0.02)) * min(step, 1.3) + 0.25 * gait.swing * min(step, 1)
    forward, outward = swing, gait.spread
    elbow, inward = gait.elbow + 0.5 * max(swing, 0), 6.0
    wobble = moment.wobble[3]
    if arm == "phone to ear":
        forward, outward, elbow, inward = 52 + 4 * wobble, 24, 128, -8
    elif arm == "reading":
        forward, outward, elbow, inward = 22 + 3 * wobble, 4, 88 + 6 * wobble, 32
    elif arm == "pocket":
        forward, outward, elbow, inward = -14 + 0.2 * swing, 20, 42, 30
    elif arm == "folded":
        forward, outward, elbow, inward = 20, 8, 82 + 4 * sign, 66
    elif arm == "holding":
        forward, outward, elbow, inward = 0.35 * swing, gait.spread + 4, 6, 2
    chest = world["spine_03"]
    upper, lower = _bone(places, f"upperarm{side}", f"lowerarm{side}"), _bone(places, f"lowerarm{side}", f"hand{side}")
    world[f"clavicle{side}"] = chest @ _about("z", -sign * (9.0 - 0.1 * max(forward, 0)))
    world[f"upperarm{side}"] = chest @ _aimed(upper, _hanging(forward, sign * outward))
    hand = _about("y", -sign * inward) @ _hanging(forward + elbow, sign * min(outward, 8))
    if arm == "phone to ear":
        hand = np.array([-0.36 * sign, 0.89, -0.28])
        hand /= np.linalg.norm(hand)
    world[f"lowerarm{side}"] = chest @ _aimed(lower, hand)
    world[f"hand{side}"] = world[f"lowerarm{side}"]
    curl = {"swing": 28, "pocket": 10, "folded": 15, "phone to ear": 60, "reading": 50, "holding": 75}[arm]
    fingers = places[template().joints[f"fingers_02{side}"]] - places[template().joints[f"fingers_01{side}"]]
    thumb = places[template().joints[f"thumb_01{side}"]] - places[template().joints[f"hand{side}"]]
    # Fingers close about the axis across the knuckles.
    hinge = thumb * (fingers @ fingers) - fingers * (fingers @ thumb)
    world[f"fingers_01{side}"] = world[f"hand{side}"] @ _around(hinge, -sign * curl)
    world[f"fingers_02{side}"] = world[f"hand{side}"] @ _around(hinge, -sign * 1.8 * curl)


def _around(axis, degrees):
    """The rotation about any axis."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
