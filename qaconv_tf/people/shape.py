"""The shape of one body: sex, age, height, weight, muscle, origin and proportions move the average body's vertices."""

import dataclasses

import numpy as np

from qaconv_tf.people.streams import choose
from qaconv_tf.people.template import template

# name of a pair of targets "-decr", "-incr" or of one target -> spread of its amount
_DETAILS = {
    "measure-shoulder-dist": 0.45,
    "measure-waist-circ": 0.3,
    "measure-hips-circ": 0.3,
    "torso-vshape": 0.3,
    "torso-scale-vert": 0.22,
    "stomach-tone": 0.4,
    "buttocks-volume": 0.4,
    "upperlegs-height": 0.16,
    "lowerlegs-height": 0.16,
    "neck-scale-vert": 0.25,
    "head-scale-horiz": 0.3,
    "head-fat": 0.4,
    "nose-volume": 0.5,
    "nose-scale-vert": 0.4,
    "nose-hump": 0.5,
    "mouth-scale-horiz": 0.4,
    "chin-prominent": 0.3,
    "chin-height": 0.3,
}
_HEADS = ("head-oval", "head-round", "head-square", "head-rectangular", "head-triangular", "head-invertedtriangular")
_ORIGINS = ("african", "asian", "caucasian")


@dataclasses.dataclass(frozen=True)
class Shape:
    """What sets one body apart from the average.

    Args:
        female: bool.
        age: float. Years, from 9.
        height: float. Metres from sole to crown.
        weight: float in [-1, 1]. Lean to stout.
        muscle: float in [-1, 1].
        origin: tuple of 3 floats that add up to 1. Shares of MakeHuman's African, Asian and Caucasian bodies.
        details: tuple of (target, amount). Proportions and features.
    """

    female: bool
    age: float
    height: float
    weight: float
    muscle: float
    origin: tuple
    details: tuple


def draw_shape(random):
    """Draws a `Shape` as one meets them in a street; `random` is a `numpy.random.Generator`."""
    female = bool(random.random() < 0.48)
    years = choose(random, {(9, 15): 4, (16, 30): 46, (30, 50): 32, (50, 80): 18})
    age = float(random.uniform(*years))
    adult = random.normal(1.645 if female else 1.775, 0.068) - 0.0008 * max(age - 45, 0)
    height = adult * float(np.interp(age, [9, 12, 15, 18], [0.80, 0.89, 0.97, 1.0]))
    weight = random.normal(-0.12, 0.36) + 0.006 * min(max(age - 25, 0), 40)
    details = {name: float(np.clip(random.normal(0, spread), -1, 1)) for name, spread in _DETAILS.items()}
    if weight > 0.2 and age > 30 and random.random() < 0.5:
        details["stomach-pregnant-incr"] = float(random.uniform(0.1, 0.45))
    details[_HEADS[random.integers(len(_HEADS))]] = float(random.uniform(0, 0.8))
    if female:
        cup = random.normal(-0.1, 0.4)
        details["maxcup" if cup > 0 else "mincup"] = float(np.clip(abs(cup), 0, 0.8))
    details["idealproportions"] = float(random.uniform(0, 0.8))
    return Shape(
        female=female,
        age=age,
        height=float(np.clip(height, 1.2, 2.0)),
        weight=float(np.clip(weight, -0.8, 0.85)),
        muscle=float(np.clip(random.normal(0.0 if female else 0.15, 0.33) - 0.006 * max(age - 50, 0), -0.8, 0.8)),
        origin=tuple(random.dirichlet([0.55, 0.55, 0.75]).tolist()),
        details=tuple(details.items()),
    )


def target_amounts(shape):
    """How much of each target makes a shape, a dict of target -> amount."""
    sex = "female" if shape.female else "male"
    old, child = np.clip((shape.age - 25) / 65, 0, 1), np.clip((25 - shape.age) / 13, 0, 1)
    ages = {"child": child, "young": 1 - old - child, "old": old}
    amounts = {}
    for age, of_age in ages.items():
        for origin, share in zip(_ORIGINS, shape.origin, strict=True):
            amounts[f"{origin}-{sex}-{age}"] = of_age * share
        for muscle, of_muscle in _levels(shape.muscle).items():
            for weight, of_weight in _levels(shape.weight).items():
                amounts[f"{sex}-{age}-{muscle}muscle-{weight}weight"] = of_age * of_muscle * of_weight
    for name, amount in shape.details:
        if name == "idealproportions":
            name = f"{sex}-{name}"
        elif name in _DETAILS:
            name = f"{name}-{'incr' if amount > 0 else 'decr'}"
        amounts[name] = abs(amount)
    return {name: amount for name, amount in amounts.items() if amount > 1e-3 and name in template().targets}


def _levels(value):
    """Shares of the targets' levels min, average and max for a value in [-1, 1]."""
    return {"min": max(-value, 0.0), "average": 1 - abs(value), "max": max(value, 0.0)}


def shape_body(shape):
    """Moves the average body into a shape.

    Args:
        shape: `Shape`.

    Returns:
        float32 array of the template's length: vertices and joints at rest, the soles on the ground, the height right.
    """
    body = template()
    vertices = body.vertices.copy()
    for name, amount in target_amounts(shape).items():
        moved, shifts = body.targets[name]
        vertices[moved] += np.float32(amount) * shifts
    skin = vertices[: body.joint_rows.start]
    lowest, highest = skin[:, 1].min(), skin[:, 1].max()
    vertices[:, 1] -= lowest
    vertices *= np.float32(shape.height / (highest - lowest))
    return vertices
