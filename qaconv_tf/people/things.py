"""What stands around in a scene: furniture, plants, vehicles, as textured solids."""

import numpy as np

from qaconv_tf.people.grounds import mottle, to_texture
from qaconv_tf.people.mesh import Material
from qaconv_tf.people.noise import fractal
from qaconv_tf.people.solids import box, grid, lathe, leaves
from qaconv_tf.people.walls import draw_wall, tint_of

_SIZE = 128


class Stock:
    """The materials of one scene, by name."""

    def __init__(self):
        self.materials = {}

    def add(self, material):
        """Keeps a material and returns the name under which solids may use it."""
        name = str(len(self.materials))
        self.materials[name] = material
        return name

    def plain(self, random, colour, specular=0.08, wear=0.06):
        """Makes a material of one colour with grain and stains, and returns its name."""
        texture = to_texture(mottle(random, colour, _SIZE, 0.25 * wear, wear))
        return self.add(Material(texture, None, specular, False))

    def wall(self, random, kind):
        """Makes a material of a wall. Returns its name and the metres that its texture covers."""
        material, metres = draw_wall(random, kind)
        return self.add(material), metres

    def ceiling(self, random):
        """Makes a material of a ceiling with lamps let into it, and returns its name."""
        texture = mottle(random, np.full(3, random.uniform(95, 165)), _SIZE, 0.01, 0.03)
        texture[::32], texture[:, ::32] = texture[::32] * 0.7, texture[:, ::32] * 0.7
        texture[34:46, 36:92] = 255
        return self.add(Material(to_texture(texture), None, 0.0, False))

    def leaves(self, random):
        """Makes a material of leaves, which are seen from both sides."""
        base = np.array([random.uniform(50, 92), random.uniform(78, 118), random.uniform(24, 50)])
        colour = base * np.exp(0.3 * fractal(random, _SIZE, 0.5) + 0.2 * fractal(random, _SIZE, 1.2))[..., None]
        return self.add(Material(to_texture(colour), None, 0.05, True))


def draw_thing(random, stock, kind):
    """Makes a thing that stands with the middle of its base at the origin.

    Args:
        random: `numpy.random.Generator`.
        stock: `Stock`. Receives its materials.
        kind: str. A key of `THINGS`.

    Returns:
        List of `Solid`.
    """
    return THINGS[kind](random, stock)


def _moved(solids, x=0.0, z=0.0, height=0.0, heading=0.0):
    return [solid.placed(x, -z, heading, height) for solid in solids]


def _loud(random):
    return tint_of(random, random.uniform(60, 170), 0.6)


def _post(random, stock):
    metal = stock.plain(random, tint_of(random, random.uniform(40, 150), 0.06), 0.2)
    radius, height = random.uniform(0.04, 0.08), random.uniform(3.5, 6.0)
    foot = lathe([(2 * radius, 0), (2 * radius, 0.5), (radius, 0.55)], metal, 10)
    return [*foot, *lathe([(radius, 0.5), (0.8 * radius, height)], metal, 10, cap=metal)]


def _bollard(random, stock):
    metal = stock.plain(random, tint_of(random, random.uniform(35, 120), 0.1), 0.2)
    band = stock.plain(random, (225, 225, 218), 0.2)
    radius, height = random.uniform(0.06, 0.11), random.uniform(0.7, 1.0)
    solids = lathe([(radius, 0), (radius, height - 0.05), (0.6 * radius, height)], metal, 12, cap=metal)
    return [*solids, *lathe([(1.04 * radius, 0.72 * height), (1.04 * radius, 0.8 * height)], band, 12)]


def _bin(random, stock):
    body = stock.plain(random, tint_of(random, random.uniform(45, 120), 0.3), 0.15, 0.1)
    dark = stock.plain(random, (28, 28, 30))
    radius, height = random.uniform(0.22, 0.32), random.uniform(0.85, 1.1)
    solids = lathe([(0.85 * radius, 0), (radius, height)], body, 16, cap=dark)
    return [*solids, *lathe([(1.06 * radius, height - 0.08), (1.06 * radius, height + 0.02)], dark, 16)]


def _bench(random, stock):
    wood = stock.plain(random, np.array([140, 100, 66]) * random.uniform(0.6, 1.2), 0.08, 0.15)
    metal = stock.plain(random, (62, 64, 66), 0.2)
    length = random.uniform(1.5, 2.1)
    solids = []
    for row in range(4):
        solids += _moved(box(length, 0.04, 0.095, wood, base=0.43), z=0.12 * row - 0.18)
    for row in range(3):
        solids += _moved(box(length, 0.09, 0.03, wood, base=0.55 + 0.13 * row), z=-0.27 - 0.02 * row)
    for side in (-0.42, 0.42):
        solids += _moved(box(0.06, 0.43, 0.45, metal), x=side * length)
        solids += _moved(box(0.05, 0.85, 0.05, metal), x=side * length, z=-0.26)
    return solids


def _planter(random, stock):
    wall = stock.plain(random, tint_of(random, random.uniform(70, 170), 0.12), 0.05, 0.1)
    earth, leaf = stock.plain(random, (66, 52, 40), 0.0, 0.2), stock.leaves(random)
    width, height, depth = random.uniform(0.8, 1.8), random.uniform(0.45, 0.7), random.uniform(0.5, 0.8)
    crown = random.uniform(0.25, 0.5)
    middle = (0, height + 0.55 * crown, 0)
    plants = leaves(random, middle, (0.5 * width, crown, 0.5 * depth), int(320 * width), 0.11, leaf)
    return [*box(width, height, depth, wall, (1.5, 1.5), top=earth), plants]


def _sign(random, stock):
    metal = stock.plain(random, (120, 122, 125), 0.2)
    name, _ = stock.wall(random, "posters")
    width, height = random.uniform(0.5, 1.0), random.uniform(0.5, 1.3)
    shift = random.random(), random.random()
    panel = grid((-width / 2, 1.1 + height, 0.04), (width, 0, 0), (0, -height, 0), name, (2.0, 2.0), shift=shift)
    back = box(width + 0.08, height + 0.08, 0.06, metal, base=1.06)
    poles = [solid for side in (-0.45, 0.45) for solid in _moved(box(0.06, 1.1, 0.06, metal), x=side * width)]
    return [panel, *back, *poles]


def _tree(random, stock):
    bark = stock.plain(random, np.array([92, 78, 64]) * random.uniform(0.7, 1.2), 0.0, 0.25)
    leaf = stock.leaves(random)
    trunk, crown = random.uniform(1.9, 2.8), random.uniform(1.3, 2.2)
    radius = random.uniform(0.09, 0.17)
    solids = lathe([(1.4 * radius, 0), (radius, 0.3), (0.8 * radius, trunk + 0.6 * crown)], bark, 9)
    for _ in range(4):
        middle = random.normal(0, 0.35, 3) * crown + (0, trunk + crown, 0)
        radii = crown * random.uniform(0.5, 0.85, 3)
        solids.append(leaves(random, middle, radii, 420, 0.28, leaf))
    return solids


def _hedge(random, stock):
    leaf = stock.leaves(random)
    inner, metres = stock.wall(random, "hedge")
    width, height, depth = random.uniform(2.0, 5.0), random.uniform(0.7, 1.5), random.uniform(0.5, 0.9)
    outer = leaves(random, (0, height / 2, 0), (width / 2, height / 2, depth / 2), int(420 * width), 0.12, leaf, True)
    return [*box(0.93 * width, 0.93 * height, 0.85 * depth, inner, (metres, metres), 0.5), outer]


def _car(random, stock):
    colours = [(30, 31, 34), (205, 206, 208), (130, 133, 138), (120, 26, 28), (36, 58, 110), (235, 235, 232)]
    paint = stock.plain(random, np.array(colours[int(random.integers(6))]) * random.uniform(0.9, 1.05), 0.5, 0.02)
    glass, tyre = stock.plain(random, (34, 40, 46), 0.7, 0.05), stock.plain(random, (26, 26, 27), 0.03)
    hub, lamp = stock.plain(random, (150, 152, 156), 0.4), stock.plain(random, (214, 208, 190), 0.5)
    length, width, tall = random.uniform(3.9, 4.7), random.uniform(1.66, 1.82), random.uniform(1.4, 1.6)
    # Stations along the car: (place, lower edge, belt, roof), heights as shares of `tall`.
    stations = [
        (-0.5, 0.3, 0.48, 0.5),
        (-0.47, 0.17, 0.52, 0.55),
        (-0.3, 0.15, 0.58, 0.63),
        (-0.2, 0.15, 0.6, 0.68),
        (-0.06, 0.15, 0.61, 0.97),
        (0.08, 0.15, 0.62, 1.0),
        (0.25, 0.15, 0.63, 0.98),
        (0.4, 0.16, 0.64, 0.72),
        (0.48, 0.18, 0.6, 0.64),
        (0.5, 0.3, 0.5, 0.54),
    ]
    solids = []
    for (z0, low0, belt0, top0), (z1, low1, belt1, top1) in zip(stations[:-1], stations[1:], strict=True):
        for side in (-1, 1):
            half, inner0 = side * width / 2, side * width * (0.5 if top0 < 0.66 else 0.39)
            inner1 = side * width * (0.5 if top1 < 0.66 else 0.39)
            first = [(half, low0, z0), (half, belt0, z0), (inner0, top0, z0)]
            second = [(half, low1, z1), (half, belt1, z1), (inner1, top1, z1)]
            cabin = max(top0, top1) > 0.8
            solids.append(_panel(first[0], first[1], second[1], second[0], paint, length, tall, side))
            solids.append(
                _panel(first[1], first[2], second[2], second[1], glass if cabin else paint, length, tall, side)
            )
        sloped = abs(top1 - top0) > 0.15
        corners = [(-inner0, top0, z0), (-inner1, top1, z1), (inner1, top1, z1), (inner0, top0, z0)]
        solids.append(_panel(*corners, glass if sloped else paint, length, tall, 1))
    for end, turn in ((-0.5, 1), (0.5, -1)):
        corners = [(-width / 2, 0.3, end), (-width / 2, 0.52, end), (width / 2, 0.52, end), (width / 2, 0.3, end)]
        solids.append(_panel(*corners, paint, length, tall, turn))
        for side in (-0.38, 0.38):
            light = box(0.34, 0.12, 0.05, lamp, base=0.4 * tall)
            solids += _moved(light, x=side * width, z=end * length)
    for z in (-0.31, 0.3):
        for side in (-1, 1):
            for radius, material, out in ((0.31, tyre, 0.508), (0.19, hub, 0.516)):
                wheel = lathe([(radius, 0), (radius, 0.16), (0.9 * radius, 0.19)], material, 16, cap=material)
                solids += [_laid(part, side, side * out * width - side * 0.19, 0.31, z * length) for part in wheel]
    return solids


def _panel(a, b, c, d, material, length, tall, side):
    """A sheet of four corners, whose lengths and heights are shares of the car's."""
    points = np.array([(x, y * tall, z * length) for x, y, z in (a, b, c, d)], np.float32)
    if side < 0:
        points = points[::-1]
    sheet = grid(points[0], points[3] - points[0], points[1] - points[0], material)
    sheet.vertices[:] = points[[0, 3, 1, 2]]
    return sheet


def _laid(solid, side, x, y, z):
    """Turns an upright round body so that its upper end shows to the side."""
    up = solid.vertices[:, 1].copy()
    solid.vertices[:, 1] = -side * solid.vertices[:, 0] + y
    solid.vertices[:, 0] = side * up + x
    solid.vertices[:, 2] += z
    return solid


def _pillar(random, stock):
    name, metres = stock.wall(random, str(random.choice(["panels", "tiles", "plaster", "stone"])))
    if random.random() < 0.5:
        return lathe([(0.32, 0), (0.32, 5.0)], name, 20)
    return box(0.6, 5.0, 0.6, name, (metres, metres), 0.8)


def _barrier(random, stock):
    metal = stock.plain(random, tint_of(random, random.uniform(70, 190), 0.25), 0.25)
    length, height = random.uniform(1.6, 2.4), random.uniform(0.9, 1.1)
    solids = [solid for level in (0.12, height - 0.05) for solid in box(length, 0.045, 0.045, metal, base=level)]
    for number in range(round(length / 0.13) + 1):
        solids += _moved(box(0.022, height - 0.1, 0.022, metal, base=0.1), x=number * 0.13 - length / 2)
    for side in (-0.5, 0.5):
        solids += _moved(box(0.05, height, 0.05, metal), x=side * length)
    return solids


def _kiosk(random, stock):
    name, metres = stock.wall(random, "shop")
    roof = stock.plain(random, _loud(random))
    width, depth, height = random.uniform(2.0, 3.0), random.uniform(1.6, 2.2), 2.6
    return [
        *box(width, height, depth, name, (width * 1.02, height * 1.02), 0.8),
        *box(width + 0.4, 0.25, depth + 0.4, roof, base=height),
    ]


def _machine(random, stock):
    name, _ = stock.wall(random, "posters")
    body = stock.plain(random, _loud(random), 0.2)
    width, height = random.uniform(0.7, 1.0), random.uniform(1.7, 1.95)
    front = grid(
        (-0.42 * width, 0.95 * height, 0.36),
        (0.84 * width, 0, 0),
        (0, -0.75 * height, 0),
        name,
        (3.0, 3.0),
        shift=tuple(random.random(2)),
    )
    return [*box(width, height, 0.7, body), front]


def _cone(random, stock):
    orange, white = stock.plain(random, (214, 92, 34), 0.1), stock.plain(random, (226, 224, 218), 0.1)
    return [
        *box(0.36, 0.04, 0.36, orange),
        *lathe([(0.15, 0.04), (0.1, 0.3)], orange, 14),
        *lathe([(0.1, 0.3), (0.075, 0.45)], white, 14),
        *lathe([(0.075, 0.45), (0.03, 0.7)], orange, 14),
    ]


def _crates(random, stock):
    solids, base = [], 0.0
    for _ in range(int(random.integers(1, 4))):
        name = stock.plain(
            random,
            np.array([150, 116, 78]) * random.uniform(0.6, 1.3) if random.random() < 0.5 else _loud(random),
            0.05,
            0.12,
        )
        height = random.uniform(0.3, 0.6)
        turned = box(random.uniform(0.5, 0.9), height, random.uniform(0.4, 0.7), name, base=base)
        solids += _moved(turned, heading=random.normal(0, 0.2))
        base += height
    return solids


THINGS = {
    "post": _post,
    "bollard": _bollard,
    "bin": _bin,
    "bench": _bench,
    "planter": _planter,
    "sign": _sign,
    "tree": _tree,
    "hedge": _hedge,
    "car": _car,
    "pillar": _pillar,
    "barrier": _barrier,
    "kiosk": _kiosk,
    "machine": _machine,
    "cone": _cone,
    "crates": _crates,
}
# Metres that people keep from the middle of the wide ones.
ROOM = {"car": 2.6, "hedge": 2.9, "kiosk": 2.0, "barrier": 1.5, "bench": 1.35, "planter": 1.3, "crates": 1.0}
# Metres of height up to which people may be hidden behind them; of those not named they are seen to both sides.
HIDES = {
    "bin": 1.1,
    "bench": 0.95,
    "planter": 1.3,
    "crates": 1.7,
    "sign": 2.4,
    "hedge": 1.5,
    "car": 1.6,
    "machine": 2.0,
}
HIDES |= {"kiosk": 2.9, "tree": 6.0, "pillar": 5.0}
