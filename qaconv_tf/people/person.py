"""Who walks: a person as a pure function of network, seed and identity."""

import dataclasses

import numpy as np

from qaconv_tf.people.gait import Gait, draw_gait
from qaconv_tf.people.outfits import Outfit
from qaconv_tf.people.shape import Shape, draw_shape
from qaconv_tf.people.streams import choose, stream
from qaconv_tf.people.wardrobe import draw_outfit

# Of MakeHuman's three origins, skin from light to dark, sRGB.
_TONES = np.array(
    [
        [[0.52, 0.36, 0.27], [0.24, 0.16, 0.12]],
        [[0.90, 0.74, 0.61], [0.70, 0.52, 0.39]],
        [[0.93, 0.77, 0.68], [0.80, 0.61, 0.50]],
    ]
)
_HAIRS = {
    (0.07, 0.06, 0.06): 38,
    (0.15, 0.10, 0.08): 28,
    (0.30, 0.20, 0.13): 16,
    (0.55, 0.42, 0.26): 9,
    (0.74, 0.62, 0.42): 6,
    (0.43, 0.19, 0.10): 4,
}
_STYLES = {
    True: {"short": 10, "bob": 22, "long": 34, "tail": 20, "bun": 9, "curly": 5},
    False: {"bald": 7, "buzz": 18, "short": 44, "medium": 18, "curly": 6, "bob": 3, "tail": 2, "thinning": 8},
}
_IRISES = {(0.22, 0.13, 0.08): 60, (0.30, 0.22, 0.12): 18, (0.35, 0.48, 0.56): 16, (0.30, 0.40, 0.28): 6}


@dataclasses.dataclass(frozen=True)
class Person:
    """A person, as every camera of the network sees the same one.

    Args:
        key: tuple of (network, seed, identity). Whatever is drawn later, such as textures, starts here.
        shape: `Shape`. The body.
        gait: `Gait`. The way of walking.
        skin: tuple of 3 floats in [0, 1]. sRGB.
        hair: tuple of 3 floats.
        hair_style: str. bald, thinning, buzz, short, medium, curly, bob, long, tail or bun.
        hair_length: float in [0, 1]. Within the style.
        fringe: float in [0, 1]. How much hair falls on the forehead.
        beard: float. 0 is shaven, 0.3 stubble, 1 full.
        iris: tuple of 3 floats.
        makeup: float in [0, 1].
        outfit: `Outfit`. Clothes and belongings.
    """

    key: tuple
    shape: Shape
    gait: Gait
    skin: tuple
    hair: tuple
    hair_style: str
    hair_length: float
    fringe: float
    beard: float
    iris: tuple
    makeup: float
    outfit: Outfit

    @property
    def height(self):
        """Metres from sole to crown, without shoes."""
        return self.shape.height


def describe_person(network, seed, identity):
    """Returns the person of that number in that network.

    Args:
        network: str. A camera network. Networks never share a person.
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
    random = stream(network, seed, "body", identity)
    shape = draw_shape(random)
    light = random.uniform(0, 1)
    tones = _TONES[:, 0] * light + _TONES[:, 1] * (1 - light)
    skin = np.exp(np.asarray(shape.origin) @ np.log(tones)) * np.exp(random.normal(0, 0.03, 3))
    hair = np.asarray(choose(random, _HAIRS))
    if shape.origin[2] < 0.45:
        hair = hair * np.array([0.45, 0.4, 0.4]) if hair[0] > 0.2 else hair
    grey = np.clip((shape.age - random.uniform(38, 75)) / 15, 0, 1)
    hair = (1 - grey) * hair + grey * np.array([0.66, 0.65, 0.64])
    if random.random() < 0.007:
        hair = 0.2 + 0.5 * random.uniform(0.0, 1.0, 3)
    style = choose(random, _STYLES[shape.female])
    if style in ("bald", "thinning") and shape.age < 32:
        style = "buzz"
    bearded = not shape.female and shape.age > 18 and random.random() < 0.5
    return Person(
        key=(network, seed, identity),
        shape=shape,
        gait=draw_gait(random, shape),
        skin=tuple(np.clip(skin, 0.08, 0.95).tolist()),
        hair=tuple(np.clip(hair * np.exp(random.normal(0, 0.1)), 0.03, 0.92).tolist()),
        hair_style=style,
        hair_length=float(random.uniform(0, 1)),
        fringe=float(random.uniform(0, 1) if random.random() < 0.5 else 0.0),
        beard=float(random.uniform(0.2, 1.0)) if bearded else 0.12 * (not shape.female and shape.age > 16),
        iris=tuple((np.asarray(choose(random, _IRISES)) * np.exp(random.normal(0, 0.15, 3))).tolist()),
        makeup=float(random.uniform(0, 1) if shape.female and shape.age > 15 and random.random() < 0.6 else 0.0),
        outfit=draw_outfit(random, shape.female),
    )
