"""The tubes that make up a dressed person: trunk, limbs, head, hair, shoes and bag."""

import numpy as np

from qaconv_tf.people.surface import Tube
from qaconv_tf.people.walk import NECK, body_joints

# Half widths and half depths of the trunk from the crotch to the neck, evenly spaced, as shares of body height.
TRUNK_WIDTH = {
    True: (0.098, 0.102, 0.088, 0.080, 0.091, 0.096, 0.030),
    False: (0.092, 0.095, 0.090, 0.092, 0.102, 0.110, 0.034),
}
TRUNK_DEPTH = {
    True: (0.066, 0.068, 0.058, 0.055, 0.068, 0.052, 0.030),
    False: (0.063, 0.064, 0.060, 0.060, 0.066, 0.055, 0.034),
}
CROTCH = 0.47


class _Builder:
    """Turns shapes in the body's axes (metres) into tubes in the picture (pixels, the feet's ground point at 0, 0)."""

    def __init__(self, view, pixels_per_metre):
        self.view = view
        self.scale = pixels_per_metre
        self.tubes = []

    def see(self, place, heading=None):
        """Returns the view coordinates of a place and how much nearness enlarges it."""
        turned = self.view.heading if heading is None else heading
        cosine, sine = np.cos(turned), np.sin(turned)
        x, z = place[0] * cosine + place[2] * sine, place[2] * cosine - place[0] * sine
        cosine, sine = np.cos(self.view.pitch), np.sin(self.view.pitch)
        y, z = place[1] * cosine - z * sine, z * cosine + place[1] * sine
        nearer = self.view.distance / (self.view.distance - z)
        return np.array([x * nearer, -y * nearer, z]) * self.scale, nearer

    def add(self, name, start, end, width, depth=None, caps=(1.0, 1.0), turn=0.0):
        """Adds a tube with half widths `width` (left to right) and `depth` (front to back), by default round."""
        start_seen, nearer = self.see(start)
        end_seen, _ = self.see(end)
        width = np.atleast_1d(width) * (self.scale * nearer)
        depth = width if depth is None else np.atleast_1d(depth) * (self.scale * nearer)
        heading = self.view.heading + turn
        cosine, sine = np.cos(heading), np.sin(heading)
        seen = np.hypot(width * cosine, depth * sine)
        deep = np.hypot(width * sine, depth * cosine)
        self.tubes.append(Tube(name, start_seen, end_seen, tuple(seen), tuple(deep), caps, heading))


def build_tubes(person, view, pixels_per_metre):
    """Builds the tubes of a dressed person at one moment.

    Args:
        person: `Person`.
        view: `View`.
        pixels_per_metre: float. Scale of the picture at the person's axis.

    Returns:
        A list of `Tube`, in pixels, with the ground point between the feet at (0, 0).
    """
    builder, joints = _Builder(view, pixels_per_metre), body_joints(person, view)
    for side in ("left", "right"):
        _add_leg(builder, person, joints, side)
        _add_arm(builder, person, joints, side)
    _add_trunk(builder, person, joints)
    _add_head(builder, person, joints)
    _add_bag(builder, person, joints)
    return builder.tubes


def _between(start, end, share):
    return start + (end - start) * share


def _add_leg(builder, person, joints, side):
    unit, cloth = person.height * person.build, person.outfit.lower
    hip, knee, ankle = (joints[f"{name}_{side}"] for name in ("hip", "knee", "ankle"))
    thick = np.array([0.034, 0.043, 0.051]) * unit
    calf = np.array([0.019, 0.030, 0.033]) * unit
    covers_thigh, covers_shin = cloth.cut != "skirt", cloth.cut == "trousers"
    thick = thick + (cloth.slack if covers_thigh else 0)
    # Flat at the hip, or the top of the thigh would come out through the garment above it.
    builder.add(f"thigh_{side}", knee, hip, thick * [1, 1, 0.85], thick * [1, 0.95, 0.55], caps=(0.8, 0.3))
    if covers_shin:
        calf = np.maximum(calf + 0.9 * cloth.slack, calf.max() * min(0.66 + 14 * cloth.slack, 1.0))
    builder.add(f"shin_{side}", ankle, knee, calf, caps=(0.3, 0.8))
    heel, toe = joints[f"heel_{side}"], joints[f"toe_{side}"]
    # The sole's underside is cut flat by keeping the shoe low and its ends round.
    builder.add(f"shoe_{side}", heel, toe, np.array([0.023, 0.024, 0.021]) * person.height, caps=(0.8, 1.0))
    if person.outfit.boots:
        builder.add(f"boot_{side}", ankle, _between(ankle, knee, 0.35), calf[:2] + 0.009, caps=(0.4, 0.2))


def _add_arm(builder, person, joints, side):
    unit, upper = person.height * (0.35 + 0.65 * person.build), person.outfit.upper
    shoulder, elbow, wrist, hand = (joints[f"{name}_{side}"] for name in ("shoulder", "elbow", "wrist", "hand"))
    slack = upper.slack
    sleeved_upper, sleeved_lower = min(2 * upper.sleeve, 1.0), max(2 * upper.sleeve - 1, 0.0)
    arm = np.array([0.023, 0.027, 0.028]) * unit + slack * min(sleeved_upper * 2, 1) * 0.8
    forearm = np.array([0.015, 0.021, 0.022]) * unit + slack * (sleeved_lower > 0.5)
    builder.add(f"arm_{side}", elbow, shoulder, arm, caps=(0.8, 0.75))
    builder.add(f"forearm_{side}", wrist, elbow, forearm, caps=(0.3, 0.8))
    builder.add(f"hand_{side}", _between(wrist, hand, 1.3), wrist, np.array([0.014, 0.019, 0.015]) * person.height)


def _add_trunk(builder, person, joints):
    unit, upper, lower = person.height, person.outfit.upper, person.outfit.lower
    up, neck, pelvis = np.array([0.0, unit, 0.0]), joints["neck"], joints["pelvis"]
    ground = (neck - NECK * up) * [1, 1, 0]  # below the pelvis, not below the leaning neck
    broad = 0.55 + 0.45 * person.build
    width = np.array(TRUNK_WIDTH[person.female]) * unit * broad
    depth = np.array(TRUNK_DEPTH[person.female]) * unit * (1.6 * person.build - 0.6 if person.build > 1 else broad)
    # Slightly slimmer than the garment above, which has to cover it.
    builder.add(
        "pelvis", ground + CROTCH * up, pelvis + 0.04 * up, width[:3] - 0.003, 0.9 * depth[:3], caps=(0.35, 0.0)
    )
    if lower.cut == "skirt":
        spread = np.array([1.16 + 9 * lower.slack, 1.1, 1.02]) * width[1]
        deep = spread * (0.7 + 0.35 * builder.view.stride)
        builder.add("skirt", pelvis - 0.49 * lower.length * up, pelvis + 0.05 * up, spread, deep, caps=(0.1, 0.1))
    cloth_width, cloth_depth = _cloth_around(upper, width, depth)
    builder.add("trunk", ground + upper.hem * up, neck, cloth_width, cloth_depth, caps=(0.08, 0.2))
    if upper.cut in ("hoodie", "coat", "jacket", "shirt"):
        ring, back = (0.047 if upper.cut == "hoodie" else 0.040), np.array([0, 0, -0.014 * unit])
        builder.add("collar", neck + 0.7 * back, neck + back + 0.02 * up, [ring * unit], caps=(0.6, 0.25))


def _cloth_around(upper, width, depth):
    """Half widths and depths of the upper garment from its hem to the neck, around a trunk of `width` and `depth`."""
    levels, samples = np.linspace(CROTCH, NECK, len(width)), np.linspace(upper.hem, NECK, 12)
    below_crotch = np.clip(CROTCH - samples, 0, None)  # coats and dresses widen towards the hem
    cloth_width = np.interp(samples, levels, width) * (1 + 0.9 * below_crotch) + upper.slack
    cloth_depth = np.interp(samples, levels, depth) * (1 + 2.2 * below_crotch) + upper.slack
    if upper.slack > 0.011:  # a loose garment hangs from the chest instead of following the waist
        cloth_width[samples < 0.72] = np.maximum(cloth_width, 0.93 * cloth_width.max())[samples < 0.72]
    return cloth_width, cloth_depth


def _add_head(builder, person, joints):
    unit, turn = person.height, builder.view.head_turn
    up, forward = np.array([0.0, unit, 0.0]), np.array([np.sin(turn), 0.0, np.cos(turn)]) * unit
    chin, neck = joints["chin"], joints["neck"]
    builder.add("neck", neck - 0.02 * up, chin + 0.02 * up, [0.030 * unit], caps=(0.5, 0.5))
    # Caps of 1 complete the oval; the tube itself spans the middle of the head.
    low, high = chin + 0.012 * forward + 0.036 * up, joints["crown"] + 0.012 * forward - 0.050 * up
    width, depth = np.array([0.039, 0.044, 0.045]) * unit, np.array([0.046, 0.054, 0.056]) * unit
    builder.add("head", low, high, width, depth, caps=(0.95, 1.0), turn=turn)
    nose = low + 0.047 * forward
    builder.add("nose", nose, nose + 0.016 * up - 0.002 * forward, [0.008 * unit], turn=turn)
    _add_hair(builder, person.hair_style, unit, (chin, high), (up, forward))
    _add_hat(builder, person.outfit.hat, unit, high, (up, forward))


def _add_hair(builder, style, unit, head, axes):
    (chin, high), (up, forward), turn = head, axes, builder.view.head_turn
    if style in ("bob", "long"):
        start = chin - 0.020 * forward + (0.02 if style == "bob" else -0.055) * up
        width, depth = np.array([0.043, 0.050, 0.047]) * unit, np.array([0.026, 0.040, 0.045]) * unit
        builder.add("hair", start, high - 0.020 * forward, width, depth, caps=(0.5, 1.0), turn=turn)
    if style == "tail":
        root = high - 0.060 * forward
        builder.add("hair", root - 0.075 * up - 0.01 * forward, root, np.array([0.012, 0.02, 0.017]) * unit)
    if style in ("short", "tail"):
        top = high - 0.006 * forward + 0.003 * up
        width, depth = np.array([0.0465, 0.0475]) * unit, np.array([0.054, 0.056]) * unit
        builder.add("hair", top - 0.01 * up, top, width, depth, caps=(0.2, 1.05), turn=turn)


def _add_hat(builder, hat, unit, high, axes):
    (up, forward), turn = axes, builder.view.head_turn
    if hat != "none":
        top, width, depth = high + 0.004 * up, [0.050 * unit] * 2, [0.061 * unit] * 2
        builder.add("hat", top - 0.004 * up, top, width, depth, caps=(0.3, 1.05), turn=turn)
    if hat == "cap":
        brim = high + 0.004 * up + 0.045 * forward
        builder.add("hat", brim, brim + 0.04 * forward, np.array([0.013, 0.009]) * unit, turn=turn)


def _add_bag(builder, person, joints):
    unit, bag, sign = person.height, person.outfit.bag, person.outfit.bag_side
    up = np.array([0.0, unit, 0.0])
    if bag == "backpack":
        top = joints["neck"] - 0.045 * up + np.array([0.0, 0.0, -0.115 * unit])
        width, depth = np.array([0.080, 0.086, 0.083, 0.062]) * unit, np.array([0.058, 0.062, 0.052, 0.036]) * unit
        builder.add("bag", top - 0.24 * up, top, width, depth, caps=(0.2, 0.3))
    if bag == "shoulder bag":
        centre = joints["pelvis"] + np.array([sign * 0.125 * person.build, 0.0, -0.01]) * unit
        width, depth = np.array([0.036, 0.034]) * unit, np.array([0.085, 0.078]) * unit
        builder.add("bag", centre - 0.055 * up, centre + 0.045 * up, width, depth, caps=(0.25, 0.2))
    if bag == "hand bag":
        hand = joints["hand_left" if sign > 0 else "hand_right"]
        builder.add("strap", hand - 0.07 * up, hand, np.array([0.014, 0.006]) * unit, np.array([0.03, 0.008]) * unit)
        width, depth = np.array([0.03, 0.024]) * unit, np.array([0.085, 0.07]) * unit
        builder.add("bag", hand - 0.16 * up, hand - 0.06 * up, width, depth, caps=(0.2, 0.2))
