"""Who walks: a person as a pure function of network, seed and identity."""

import dataclasses

import numpy as np

from qaconv_tf.people.streams import choose, stream
from qaconv_tf.people.wardrobe import Outfit, draw_outfit

SKINS = {
    (0.90, 0.73, 0.62): 34,
    (0.82, 0.63, 0.50): 28,
    (0.67, 0.48, 0.36): 18,
    (0.46, 0.31, 0.23): 12,
    (0.30, 0.20, 0.15): 8,
}
HAIRS = {
    (0.06, 0.05, 0.05): 38,
    (0.16, 0.10, 0.07): 28,
    (0.32, 0.20, 0.12): 14,
    (0.62, 0.48, 0.28): 11,
    (0.60, 0.60, 0.59): 6,
    (0.45, 0.18, 0.09): 3,
}
HAIR_STYLES = {
    True: {"short": 14, "bob": 26, "long": 38, "tail": 22},
    False: {"bald": 10, "crop": 28, "short": 54, "long": 8},
}


@dataclasses.dataclass(frozen=True)
class Person:
    """A person, as every camera of the network sees the same one.

    Args:
        height: float. Metres.
        build: float. Width of body and limbs beside the average, 1.
        female: bool. Shifts proportions of shoulders, waist and hips.
        skin: tuple of 3 floats in [0, 1]. RGB.
        hair_style: str. bald, crop, short, bob, long or tail.
        hair: tuple of 3 floats. RGB.
        beard: bool. Whether the lower face is as dark as the hair.
        outfit: `Outfit`. Clothes and belongings.
        cloth_offset: tuple of 2 ints. Where this person's folds and flecks start in the shared noise.
    """

    height: float
    build: float
    female: bool
    skin: tuple
    hair_style: str
    hair: tuple
    beard: bool
    outfit: Outfit
    cloth_offset: tuple


def describe_person(network, seed, identity):
    """Returns the person of that number in that network.

    Args:
        network: str. A key of `qaconv_tf.people.networks.NETWORKS`. Networks never share a person.
        seed: int, not negative. The data set's seed.
        identity: int, not negative. The person's number.

    Returns:
        A `Person`, always the same for the same arguments.

    Example:
        >>> from qaconv_tf.people.person import describe_person
        >>> describe_person("campus", 0, 7) == describe_person("campus", 0, 7)
        True
        >>> describe_person("campus", 0, 7) == describe_person("station", 0, 7)
        False
    """
    random = stream(network, seed, "person", identity)
    female = bool(random.random() < 0.48)
    height = float(np.clip(random.normal(1.65 if female else 1.77, 0.07), 1.45, 2.0))
    tint = np.exp(random.normal(0, 0.06))
    return Person(
        height=height,
        build=float(np.clip(random.normal(0.97 if female else 1.02, 0.11), 0.78, 1.4)),
        female=female,
        skin=tuple(np.clip(np.asarray(choose(random, SKINS)) * tint, 0.05, 0.95).tolist()),
        hair_style=choose(random, HAIR_STYLES[female]),
        hair=choose(random, HAIRS),
        beard=bool(not female and random.random() < 0.28),
        outfit=draw_outfit(random, female),
        cloth_offset=tuple(int(value) for value in random.integers(0, 64, 2)),
    )
