"""Dressed people: whole, of one piece, each like no other; every garment, bag and hat at least once."""

import dataclasses
import hashlib

import numpy as np
import pytest

from qaconv_tf.people.dressed import dress, pose
from qaconv_tf.people.fabrics import PATTERNS, Fabric, fold_heights, lay, noise, noise_fields, paint_fabric
from qaconv_tf.people.mesh import PARTS
from qaconv_tf.people.networks import NETWORKS
from qaconv_tf.people.outfits import BAGS, HATS, TOPS
from qaconv_tf.people.person import describe_person
from qaconv_tf.people.template import nearest_skin, template
from qaconv_tf.people.wardrobe import draw_outfit
from tests.oracles.z_buffer import nearest_triangles

CARRIED = PARTS.index("carried")
ARRAYS = ("vertices", "triangles", "corner_uv", "material", "part", "surface")


def varied(number):
    """A person of every kind in turn: each bag, hat and hair style, and mostly as drawn."""
    person = describe_person("campus", 3, number)
    outfit = dataclasses.replace(
        person.outfit,
        bag=list(BAGS)[number % len(BAGS)],
        hat=list(HATS)[number % len(HATS)],
        scarf=(0.6, 0.2, 0.2) if number % 3 == 0 else None,
    )
    return dataclasses.replace(person, outfit=outfit)


@pytest.fixture(scope="module")
def dressed():
    return [dress(varied(number)) for number in range(8)]


def posed(body, number):
    return pose(body, 0.9 * number, 0.25 * (number % 5), np.random.default_rng(number))


@pytest.fixture(scope="module")
def meshes(dressed):
    return [
        pose(body, 0.9 * number, 0.25 * (number % 5), np.random.default_rng(number))
        for number, body in enumerate(dressed)
    ]


def digest(mesh):
    parts = [np.ascontiguousarray(getattr(mesh, name)).tobytes() for name in ARRAYS]
    parts += [material.texture.tobytes() for material in mesh.materials]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_the_same_person_gives_the_same_bytes():
    first, second = (pose(dress(varied(5)), 1.0, 0.9, np.random.default_rng(0)) for _ in range(2))
    assert digest(first) == digest(second)
    other = pose(dress(varied(5)), 1.0, 0.9, np.random.default_rng(1))
    assert digest(other) != digest(first)


def test_arrays_fit_together(meshes):
    for mesh in meshes:
        count = len(mesh.triangles)
        assert mesh.vertices.shape == mesh.surface.shape and mesh.vertices.dtype == np.float32
        assert mesh.triangles.dtype == np.int32 and 0 <= mesh.triangles.min() <= mesh.triangles.max() < len(
            mesh.vertices
        )
        assert np.unique(mesh.triangles).tolist() == list(range(len(mesh.vertices))), "a vertex that nothing uses"
        assert mesh.corner_uv.shape == (count, 3, 2) and mesh.corner_uv.dtype == np.float32
        assert mesh.material.shape == mesh.part.shape == (count,) and mesh.part.max() < len(PARTS)
        assert set(mesh.material) == set(range(len(mesh.materials)))
        assert np.isfinite(mesh.vertices).all() and np.isfinite(mesh.corner_uv).all()
        # Only around the crown and the like does a triangle see the texture from all sides.
        assert (np.ptp(mesh.corner_uv[..., 0], axis=1) > 0.5).mean() < 0.001
        for material in mesh.materials:
            assert material.texture.dtype == np.uint8 and material.texture.shape[2] == 3
            assert material.bump is None or (np.isfinite(material.bump).all() and np.abs(material.bump).max() < 0.05)


def test_triangles_have_an_area_and_no_triangle_is_torn(meshes):
    for mesh in meshes:
        corners = mesh.vertices[mesh.triangles].astype(float)
        sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
        assert (area > 1e-9).mean() > 0.985
        worn = mesh.part != CARRIED
        assert sides[worn].max() < 0.22 and sides.max() < 0.45
        assert 1.2 < area[worn].sum() < 8


def test_every_part_of_the_body_is_there(meshes):
    for mesh in meshes:
        assert set(range(len(PARTS) - 1)) <= set(mesh.part)
        for part, low, high in (("head", 0.75, 1.1), ("left foot", -0.01, 0.35), ("torso", 0.4, 0.9)):
            height = mesh.vertices[mesh.triangles[mesh.part == PARTS.index(part)], 1] / np.ptp(mesh.vertices[:, 1])
            assert low < height.mean() < high, part
        left = mesh.surface[mesh.triangles[mesh.part == PARTS.index("left thigh")]]
        right = mesh.surface[mesh.triangles[mesh.part == PARTS.index("right thigh")]]
        assert np.nanmean(left[..., 0]) > 0.05 and np.nanmean(right[..., 0]) < -0.05


def test_surface_coordinates_lie_on_the_average_skin(meshes):
    for mesh in meshes:
        carried = np.zeros(len(mesh.vertices), bool)
        carried[mesh.triangles[mesh.part == CARRIED]] = True
        np.testing.assert_array_equal(np.isnan(mesh.surface).any(axis=1), carried)
        places = mesh.surface[~carried]
        # Where a hem is cut between two places of the skin, the place lies between them.
        away = np.linalg.norm(nearest_skin(places) - places, axis=1)
        assert away.max() < 0.1 and (away < 0.012).mean() > 0.98
        # A place and the vertex that covers it have about the same share of the body's height, but for raised arms.
        level = places[:, 1] / 1.666 - mesh.vertices[~carried, 1] / np.ptp(mesh.vertices[:, 1])
        assert np.abs(level).mean() < 0.1


def test_feet_stand_on_the_ground(meshes):
    for mesh in meshes:
        feet = np.isin(mesh.part, [PARTS.index("left foot"), PARTS.index("right foot")])
        assert mesh.vertices[mesh.triangles[feet], 1].min() == pytest.approx(0, abs=1e-6)
        worn = mesh.part != CARRIED
        assert mesh.vertices[mesh.triangles[worn], 1].min() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("number", [1, 3, 6])
def test_there_are_no_holes_and_nothing_is_seen_through(dressed, meshes, number):
    mesh, body = meshes[number], dressed[number]
    bare = posed(undressed(body), number)
    for heading in (0.4, 2.6):
        nearest, facing = nearest_triangles(mesh.vertices, mesh.triangles, heading, height=72)
        seen = nearest >= 0
        two_sided = np.array([material.two_sided for material in mesh.materials])[mesh.material[nearest]]
        assert (seen & ~facing & ~two_sided).sum() <= 0.002 * seen.sum()
        assert facing[seen].mean() > 0.97, "clothes are worn inside out"
        # Wherever the naked body would be, something is, a pixel beside it at the most, for the soles differ.
        without, _ = nearest_triangles(bare.vertices, bare.triangles, heading, height=72)
        around = sum(np.roll(seen, (row, column), (0, 1)) for row in (-1, 0, 1) for column in (-1, 0, 1)) > 0
        assert ((without >= 0) & ~around).sum() == 0


def undressed(body):
    """The same person without clothes, lifted onto the same soles."""
    rest = template()
    count = rest.joint_rows.start
    lift = -body.vertices[: body.num_worn, 1].min()
    vertices = body.body[:count]
    return dataclasses.replace(
        body,
        vertices=np.concatenate([vertices, [[0, -lift, 0]]]).astype(np.float32),
        bones=np.concatenate([rest.bones[:count], [[rest.joints["foot_l"], 0, 0, 0]]]).astype(np.uint8),
        weights=np.concatenate([rest.weights[:count], [[1, 0, 0, 0]]]).astype(np.float32),
        triangles=rest.skin,
        clear=np.zeros(count + 1, np.float32),
        num_worn=count + 1,
    )


def test_everything_that_can_be_worn_is_worn():
    outfits = [draw_outfit(np.random.default_rng(seed), female=bool(seed % 2)) for seed in range(400)]
    assert {top.kind for outfit in outfits for top in outfit.tops} == set(TOPS)
    assert {outfit.bag for outfit in outfits} == set(BAGS) and {outfit.hat for outfit in outfits} == set(HATS)
    assert {top.fabric.pattern for outfit in outfits for top in outfit.tops} >= set(PATTERNS) - {"camouflage", "fade"}
    kinds = {"trousers", "jeans", "leggings", "shorts", "skirt", "none"}
    assert {outfit.bottom.kind for outfit in outfits} == kinds
    assert all(outfit.bottom.kind == "none" for outfit in outfits if outfit.tops[0].kind == "dress")
    assert any(len(outfit.tops) == 2 and outfit.tops[1].opening > 0 for outfit in outfits)
    for outfit in outfits[::2]:
        assert not {top.kind for top in outfit.tops} & {"dress", "tunic"} and outfit.bottom.kind != "skirt"


def test_networks_share_no_person_and_no_texture():
    people = {network: [describe_person(network, 0, number) for number in range(1, 151)] for network in NETWORKS}
    everybody = [person for group in people.values() for person in group]
    looks = {(person.shape, person.outfit, person.skin, person.hair) for person in everybody}
    assert len(looks) == len(everybody)
    assert describe_person("campus", 0, 9) != describe_person("campus", 1, 9)
    textures = {}
    for network in NETWORKS:
        clothes = dress(people[network][0]).materials
        textures[network] = {material.texture.tobytes() for material in clothes if material.texture.std() > 1}
    names = list(NETWORKS)
    for number, network in enumerate(names):
        for other in names[number + 1 :]:
            assert not textures[network] & textures[other]


def test_the_same_clothes_are_other_cloth_in_another_network():
    person = describe_person("campus", 0, 2)
    textures = []
    for key in (("campus", 0, 2), ("station", 0, 2), ("campus", 1, 2), ("campus", 0, 3)):
        materials = dress(dataclasses.replace(person, key=key)).materials
        textures.append({material.texture.tobytes() for material in materials if material.texture.shape[0] > 100})
    assert len(set.union(*textures)) == sum(len(group) for group in textures)


def test_skirts_are_drawn_along_by_striding_legs():
    people = (describe_person("campus", 0, number) for number in range(200))
    person = next(person for person in people if person.outfit.bottom.kind == "skirt" and len(person.outfit.tops) == 1)
    body = dress(person)
    hanging = body.clear > 0
    assert 100 < hanging.sum() < 1500
    depths = []
    for stride in (0.0, 1.0):
        mesh = pose(body, 0.0, stride, np.random.default_rng(0))
        skirt = mesh.vertices[hanging]
        hem = skirt[skirt[:, 1] < np.quantile(skirt[:, 1], 0.15)]
        depths.append(np.ptp(hem[:, 2]))
    assert depths[1] > depths[0] + 0.08


def test_faces_are_faces(dressed):
    """Lids and mouth are darker than the cheeks, on every skin."""
    for body in dressed:
        face = next(m.texture for m in body.materials if m.texture.shape == (224, 224, 3)).astype(float).mean(axis=2)
        cheek = (of_face(face, 0.55, 1.52) + of_face(face, -0.55, 1.52)) / 2
        lids = (of_face(face, 0.375, 1.553) + of_face(face, -0.375, 1.553)) / 2
        assert of_face(face, 0.0, 1.4785) < 0.8 * cheek and cheek > 25
        assert lids < 0.85 * cheek


def of_face(face, side, level):
    row, column = (level - 1.675) / (1.425 - 1.675) * 224, (side / (2 * np.pi) + 0.5) * 224
    return face[int(row) - 1 : int(row) + 2, int(column) - 1 : int(column) + 2].mean()


def test_what_a_hand_carries_hangs_straight_down():
    person = describe_person("campus", 3, 1)
    outfit = dataclasses.replace(person.outfit, bag="hand bag", bag_side=1)
    body = dress(dataclasses.replace(person, outfit=outfit))
    assert body.busy == ("left",)
    carried = body.vertices[body.num_worn :]
    assert carried[:, 1].max() < 0.02
    for phase in (0.0, 2.0):
        mesh = pose(body, phase, 1.0, np.random.default_rng(0))
        moved = mesh.vertices[body.num_worn :]
        np.testing.assert_allclose(np.ptp(moved, axis=0), np.ptp(carried, axis=0), atol=1e-5)
        hand = mesh.vertices[mesh.triangles[mesh.part == PARTS.index("left hand")].ravel()]
        assert np.linalg.norm(moved[moved[:, 1].argmax()] - hand.mean(axis=0)) < 0.12


def test_patterns_paint_their_colours_and_wrap():
    for pattern in PATTERNS:
        fabric = Fabric(
            pattern, ((0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)), 0.06, 0.5, "smooth", 0.0, 0.0, 0.0
        )
        cloth = paint_fabric(fabric, np.random.default_rng(0), (96, 120), (0.7, 0.95))
        assert cloth.shape == (96, 120, 3) and cloth.min() > 0 and cloth.max() < 1
        spread = cloth.reshape(-1, 3).std(axis=0).max()
        assert (spread > 0.08) == (pattern != "plain"), pattern


@pytest.mark.parametrize("pattern", ["pinstripes", "checks", "plaid", "dots"])
def test_patterns_go_around_in_whole_periods(pattern):
    colours = ((0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8))
    fabric = Fabric(pattern, colours, 0.097, 0.5, "smooth", 0.0, 0.0, 0.0)
    cloth = paint_fabric(fabric, np.random.default_rng(0), (96, 120), (0.7, 0.95))
    # Ten periods of 0.095 m; a plaid repeats after two.
    assert np.abs(np.roll(cloth, 24, axis=1) - cloth).mean() < 0.03


def test_colour_is_laid_by_its_share():
    cloth = np.zeros((2, 3, 3), np.float32)
    lay(cloth, np.array([[0.0, 0.5, 1.0]]), (1.0, 0.5, 0.0))
    np.testing.assert_allclose(cloth[1], [[0, 0, 0], [0.5, 0.25, 0], [1, 0.5, 0]])
    lay(cloth, np.array([[True], [False]]), (0.0, 0.0, 1.0))
    np.testing.assert_allclose(cloth[0], [[0, 0, 1]] * 3)


def test_noise_is_tame_and_shifts():
    for kind, field in noise_fields().items():
        assert abs(field.mean()) < 1e-3 and field.std() == pytest.approx(1, abs=1e-3)
        pieces = [noise(np.random.default_rng(seed), kind, (64, 64)) for seed in (0, 1)]
        assert pieces[0].shape == (64, 64) and not np.array_equal(*pieces)
    folds = fold_heights(np.random.default_rng(0), (32, 64), 1.0, 0.0, 0.0)
    across, down = (np.abs(np.diff(folds, axis=axis)).mean() for axis in (1, 0))
    assert across > down, "hanging folds run down"
