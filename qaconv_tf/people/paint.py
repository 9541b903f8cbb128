"""The colour of each point of a dressed person, as a function of where on the body it lies.

Patterns live on the body, not on the picture: stripes, print and open front turn with the person.
"""

import functools

import numpy as np

from qaconv_tf.people.streams import stream
from qaconv_tf.people.walk import NECK

_NOISE_SIZE = 128


@functools.lru_cache(maxsize=1)
def _noise():
    """Tileable noise of two scales, mean 0 and standard deviation about 1, `(128, 128)`."""
    random = stream("cloth", 0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(_NOISE_SIZE), np.fft.fftfreq(_NOISE_SIZE)))
    spectrum = np.fft.fft2(random.normal(size=(_NOISE_SIZE, _NOISE_SIZE)))
    noise = np.real(np.fft.ifft2(spectrum * np.exp(-((frequency / 0.09) ** 2)) / (0.01 + frequency)))
    return ((noise - noise.mean()) / noise.std()).astype(np.float32)


def cloth_noise(person, aside, up, per_metre):
    """Samples the person's own noise at `aside`, `up` (metres, each `(n,)`) with `per_metre` noise cells a metre."""
    row = (up * per_metre + person.cloth_offset[0]).astype(np.int32) % _NOISE_SIZE
    column = (aside * per_metre + person.cloth_offset[1]).astype(np.int32) % _NOISE_SIZE
    return _noise()[row, column]


def paint(name, person, angle, along, normal):
    """Returns the colour of points of one tube.

    Args:
        name: str. The tube's name.
        person: `Person`.
        angle: `(n,)` float. Around the tube, 0 in front, positive to the person's left. Radians.
        along: `(n,)` float. 0 at the tube's start, 1 at its end.
        normal: `(3, n)` float. The surface's direction in the picture.

    Returns:
        `(3, n)` float32 in [0, 1], RGB before light and shade.
    """
    part = name.split("_")[0]
    return _PAINTS[part](person, angle, along, normal)


def _plain(colour, count):
    colours = np.empty((3, count), np.float32)
    colours.T[:] = colour
    return colours


def _mix(colours, mask, colour):
    """Lays `colour` over `colours`, in place, where `mask` (bool, or a share in [0, 1]) says."""
    share = mask.astype(np.float32)
    for channel, value in zip(colours, colour, strict=True):
        channel += (np.float32(value) - channel) * share
    return colours


def _weave(person, aside, up, on_sleeve):
    """The upper garment's cloth at `aside` and `up`, metres around and above the hem."""
    upper = person.outfit.upper
    cloth = _plain(upper.colour, len(aside))
    period = upper.period
    if upper.pattern == "stripes":
        return _mix(cloth, (up / period) % 1 < 0.45, upper.second)
    if upper.pattern == "pinstripes":
        return _mix(cloth, (aside / (0.6 * period)) % 1 < 0.3, upper.second)
    if upper.pattern == "checks":
        return _mix(cloth, 0.5 * ((up / period) % 1 < 0.5) + 0.5 * ((aside / period) % 1 < 0.5), upper.second)
    if upper.pattern == "blocks":
        return _mix(cloth, up > (0.2 + 2.5 * period) * person.height, upper.second)
    if upper.pattern == "sleeves" and on_sleeve:
        return _plain(upper.second, len(aside))
    if upper.pattern == "flecks":
        return _mix(cloth, cloth_noise(person, aside, up, 320) > 0.7, upper.second)
    return cloth


def _paint_trunk(person, angle, along, normal):
    outfit, upper = person.outfit, person.outfit.upper
    up = along * (NECK - upper.hem) * person.height
    aside = angle * 0.15
    colours = _weave(person, aside, up, on_sleeve=False)
    level = upper.hem + along * (NECK - upper.hem)  # share of body height
    if upper.chest_print is not None:
        colours = _mix(colours, _print_shape(person, angle, level), upper.chest_print)
    if upper.inner is not None:
        width = upper.opening * (0.45 + 0.55 * np.abs(level - 0.60) / 0.24)
        colours = _mix(colours, np.abs(angle) < width, upper.inner)
        colours = _mix(colours, 0.4 * (np.abs(np.abs(angle) - width) < 0.05), (0.0, 0.0, 0.0))
    elif upper.cut in ("jacket", "coat", "shirt"):
        colours = _mix(colours, 0.45 * (np.abs(angle) < 0.045), (0.0, 0.0, 0.0))
    if upper.cut in ("tee", "dress", "sweater"):
        colours = _mix(colours, level > 0.842 - 0.024 * np.cos(angle), person.skin)
    if upper.cut == "dress":
        colours = _mix(colours, 0.5 * (np.abs(level - 0.62) < 0.008), (0.0, 0.0, 0.0))
    if outfit.bag == "backpack":
        colours = _mix(colours, (np.abs(np.abs(angle) - 0.62) < 0.14) & (level > 0.64), outfit.bag_colour)
    if outfit.bag == "shoulder bag":
        strap = 0.675 - 0.145 * np.sin(outfit.bag_side * angle)
        colours = _mix(colours, np.abs(level - strap) < 0.016, outfit.bag_colour)
    return colours


def _print_shape(person, angle, level):
    kind = person.cloth_offset[0] % 3
    across, up = angle / 0.55, (level - 0.715) / 0.055
    if kind == 0:
        return across**2 + up**2 < 1
    if kind == 1:
        return (np.abs(across) < 1) & (np.abs(up) < 0.45)
    return (np.abs(across) < 0.9) & (np.abs(up) < 1) & ((up * 2.5) % 1 < 0.5)


def _paint_arm(person, angle, along, normal):
    return _sleeve(person, angle, 0.5 + 0.5 * along)


def _paint_forearm(person, angle, along, normal):
    return _sleeve(person, angle, 0.5 * along)


def _sleeve(person, angle, share):
    """Cloth down to where the sleeve ends, then skin; `share` of the arm counts up from the wrist."""
    up = (NECK - person.outfit.upper.hem - 0.35 * (1 - share)) * person.height
    cloth = _weave(person, angle * 0.05, up, on_sleeve=True)
    return _mix(cloth, share < 1 - person.outfit.upper.sleeve, person.skin)


def _paint_thigh(person, angle, along, normal):
    return _leg(person, angle, 0.5 + 0.5 * along)


def _paint_shin(person, angle, along, normal):
    return _leg(person, angle, 0.5 * along)


def _leg(person, angle, share):
    """Cloth, stockings or skin; `share` of the leg counts up from the ankle."""
    lower = person.outfit.lower
    if lower.cut == "skirt":
        stockings = sum(lower.colour) < 0.9
        return _plain((0.10, 0.09, 0.10) if stockings else person.skin, len(angle))
    colours = _plain(lower.colour, len(angle))
    colours = _mix(colours, 0.18 * (np.abs(np.abs(angle) - np.pi / 2) < 0.09), (0.0, 0.0, 0.0))
    return _mix(colours, share < 1 - lower.length, person.skin)


def _paint_pelvis(person, angle, along, normal):
    colours = _plain(person.outfit.lower.colour, len(angle))
    return _mix(colours, 0.7 * (np.abs(along - 0.86) < 0.07), (0.07, 0.05, 0.05))


def _paint_shoe(person, angle, along, normal):
    colours = _plain(person.outfit.shoes, len(angle))
    return _mix(colours, normal[1] > 0.62, person.outfit.soles)


def _paint_head(person, angle, along, normal):
    colours = _plain(person.skin, len(angle))
    front = np.abs(angle)
    colours = _mix(colours, 0.75 * ((np.abs(front - 0.36) < 0.15) & (np.abs(along - 0.62) < 0.12)), (0.08, 0.06, 0.06))
    colours = _mix(colours, 0.6 * ((np.abs(front - 0.38) < 0.2) & (np.abs(along - 0.95) < 0.08)), person.hair)
    colours = _mix(colours, 0.6 * ((front < 0.26) & (np.abs(along + 0.28) < 0.09)), (0.55, 0.22, 0.22))
    if person.beard:
        colours = _mix(colours, 0.75 * ((along < -0.12) & (front < 1.6) & (np.abs(along + 0.26) > 0.1)), person.hair)
    if person.hair_style == "bald":
        return colours
    line = 1.55 - 0.9 * np.clip(front - 0.45, 0, 1.0) - 2.6 * np.clip(front - 1.35, 0, 0.8)
    return _mix(colours, along > line, person.hair)


def _paint_hair(person, angle, along, normal):
    colours = _plain(person.hair, len(angle))
    return colours * (1 + 0.10 * np.sin(angle * 17)).astype(np.float32)


def _paint_bag(person, angle, along, normal):
    colours = _plain(person.outfit.bag_colour, len(angle))
    colours = _mix(colours, 0.45 * (np.abs(along - 0.62) < 0.025), (0.0, 0.0, 0.0))
    return _mix(colours, 0.2 * (along < 0.35), (0.0, 0.0, 0.0))


def _paint_hat(person, angle, along, normal):
    return _mix(_plain(person.outfit.hat_colour, len(angle)), 0.25 * (along < 0.1), (0.0, 0.0, 0.0))


def _paint_boot(person, angle, along, normal):
    return _plain(person.outfit.shoes, len(angle))


def _paint_skin(person, angle, along, normal):
    return _plain(person.skin, len(angle))


def _paint_collar(person, angle, along, normal):
    upper = person.outfit.upper
    colours = _plain(upper.colour, len(angle)) * np.float32(0.85)
    return _mix(colours, np.abs(angle) < 0.5, upper.inner if upper.inner is not None else person.skin)


_PAINTS = {
    "trunk": _paint_trunk,
    "arm": _paint_arm,
    "forearm": _paint_forearm,
    "hand": _paint_skin,
    "neck": _paint_skin,
    "nose": _paint_skin,
    "thigh": _paint_thigh,
    "shin": _paint_shin,
    "pelvis": _paint_pelvis,
    "skirt": _paint_pelvis,
    "shoe": _paint_shoe,
    "boot": _paint_boot,
    "head": _paint_head,
    "hair": _paint_hair,
    "bag": _paint_bag,
    "strap": _paint_bag,
    "hat": _paint_hat,
    "collar": _paint_collar,
}
