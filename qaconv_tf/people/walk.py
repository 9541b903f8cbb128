"""How a person stands in one picture: gait, arms, and the direction from which the camera looks."""

import dataclasses

import numpy as np

# Segment lengths and heights as shares of body height (Drillis and Contini, "Body segment parameters", 1966, rounded).
THIGH, SHIN, FOOT, ANKLE = 0.245, 0.246, 0.11, 0.039
UPPER_ARM, FOREARM, HAND = 0.172, 0.146, 0.055
SHOULDER, NECK, CHIN, CROWN = 0.792, 0.845, 0.872, 1.0


@dataclasses.dataclass(frozen=True)
class View:
    """One moment of one person before one camera. Angles in radians.

    Args:
        heading: float. 0 faces the camera, pi / 2 walks to the right of the picture, pi shows the back.
        pitch: float. How far the camera looks down on the person.
        distance: float. Metres from the camera.
        phase: float. Of the gait: 0 to 2 pi is two steps.
        stride: float. Amplitude of the hip's swing; 0 stands.
        arms: str. "swing", "phone" (one hand raised) or "pocket".
        head_turn: float. Of the head beside the body.
        lean: float. Forward lean of the trunk.
    """

    heading: float
    pitch: float
    distance: float
    phase: float
    stride: float
    arms: str
    head_turn: float
    lean: float


def draw_view(random, heading, pitch, distance, phase, stride):
    """Draws what is left open by where a person walks: the arms, the head, small changes of heading and gait."""
    arms = random.random()
    return View(
        heading=heading + random.normal(0, 0.12),
        pitch=pitch + random.normal(0, 0.02),
        distance=distance,
        phase=phase,
        stride=stride * random.uniform(0.8, 1.15),
        arms="phone" if arms < 0.08 else "pocket" if arms < 0.2 else "swing",
        head_turn=random.normal(0, 0.3),
        lean=random.normal(0.04, 0.03),
    )


def body_joints(person, view):
    """Places the joints of a walking person.

    Args:
        person: `Person`. Gives height and proportions.
        view: `View`. Gives the moment of the gait.

    Returns:
        A dict of joint name -> array of 3 floats, metres in the body's own axes: x to the person's left, y up from the
        ground, z forward. Names of paired joints end in `_left` or `_right`.
    """
    joints = {}
    for side, sign, phase in (("left", 1, view.phase), ("right", -1, view.phase + np.pi)):
        joints |= {f"{name}_{side}": place for name, place in _leg(person, view, sign, phase).items()}
        joints |= {f"{name}_{side}": place for name, place in _arm(person, view, sign, phase).items()}
    for name, level in (("neck", NECK), ("chin", CHIN), ("crown", CROWN)):
        joints[name] = np.array([0.0, level, 0.0]) * person.height
    joints["pelvis"] = np.array([0.0, THIGH + SHIN + ANKLE, 0.0]) * person.height
    _lean(joints, view.lean)
    # The lower foot stands on the ground: without this the body would hang at the height of straight legs.
    lowest = min(joints[f"toe_{side}"][1] for side in ("left", "right"))
    lowest = min(lowest, min(joints[f"heel_{side}"][1] for side in ("left", "right")))
    return {name: place - np.array([0.0, lowest - 0.016 * person.height, 0.0]) for name, place in joints.items()}


def _swing(length, angle, outward=0.0):
    return length * np.array([outward, -np.cos(angle), np.sin(angle)])


def _leg(person, view, sign, phase):
    height = person.height
    thigh = view.stride * np.sin(phase)
    # The knee bends while the leg swings forward, a little before it passes under the body.
    knee_bend = 0.06 + 2.2 * view.stride * max(0.0, np.cos(phase + 0.55)) ** 1.6
    shin = thigh - knee_bend
    hip = np.array([sign * 0.05 * height * person.build, (THIGH + SHIN + ANKLE) * height, 0.0])
    knee = hip + _swing(THIGH * height, thigh, -sign * 0.03)
    ankle = knee + _swing(SHIN * height, shin, -sign * 0.02)
    tilt = np.clip(0.8 * shin, -0.8, 0.25)
    along = np.array([sign * 0.18, np.sin(tilt), np.cos(tilt)])
    down = np.array([0.0, -np.cos(tilt), np.sin(tilt)])
    heel = ankle + height * (0.6 * ANKLE * down - 0.018 * along)
    return {"hip": hip, "knee": knee, "ankle": ankle, "heel": heel, "toe": heel + FOOT * height * along}


def _arm(person, view, sign, phase):
    height = person.height
    half_width = (0.094 if person.female else 0.108) * height * (0.6 + 0.4 * person.build)
    shoulder = np.array([sign * half_width, SHOULDER * height, -0.03 * sign * view.stride * np.sin(view.phase)])
    swing = -0.85 * view.stride * np.sin(phase)
    bend, inward = 0.22 + 0.6 * max(0.0, swing), 0.05
    if view.arms == "phone" and sign > 0:
        swing, bend, inward = 0.45, 1.75, -0.35
    if view.arms == "pocket":
        swing, bend, inward = -0.22, 0.55, -0.1
    elbow = shoulder + _swing(UPPER_ARM * height, swing, sign * 0.13)
    wrist = elbow + _swing(FOREARM * height, swing + bend, sign * inward)
    hand = wrist + HAND * (wrist - elbow) / FOREARM
    return {"shoulder": shoulder, "elbow": elbow, "wrist": wrist, "hand": hand}


def _lean(joints, angle):
    hip_level = joints["pelvis"][1]
    for name in joints:
        above = joints[name][1] - hip_level
        if above > 0 or name.startswith(("wrist", "hand", "elbow")):
            joints[name] = joints[name] + np.array([0.0, 0.0, np.sin(angle) * max(above, 0.0)])
