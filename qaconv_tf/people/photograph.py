"""Takes one planned image: the person, companions and strangers in a camera's scene, framed by an imperfect box."""

import functools

import numpy as np
from PIL import Image

from qaconv_tf.people.cameras import FRAME_HEIGHT, FRAME_WIDTH, describe_camera
from qaconv_tf.people.figure import draw_figure
from qaconv_tf.people.layer import Layer
from qaconv_tf.people.networks import network_style
from qaconv_tf.people.person import describe_person
from qaconv_tf.people.scenery import draw_scene
from qaconv_tf.people.sensor import expose
from qaconv_tf.people.shadow import cast_shadow, contact_shadow
from qaconv_tf.people.streams import stream
from qaconv_tf.people.walk import draw_view

MIN_HEIGHT, MAX_HEIGHT = 96, 200
_STRANGERS = 1_000_000_000  # identities from here on are passers-by of one picture
_LEAST_VISIBLE = 0.6


@functools.lru_cache(maxsize=12)
def _camera_and_scene(network, seed, number):
    camera = describe_camera(network, seed, number)
    return camera, draw_scene(camera)


_person = functools.lru_cache(maxsize=256)(describe_person)


def photograph(network, seed, shot):
    """Takes one image.

    Args:
        network: str. Name of the network.
        seed: int. The data set's seed.
        shot: `Shot`. What to take.

    Returns:
        bytes of a JPEG file, `MIN_HEIGHT` to `MAX_HEIGHT` pixels high; always the same for the same arguments.
    """
    camera, scene = _camera_and_scene(network, seed, shot.walk.camera)
    style = network_style(network)
    random = stream(network, seed, "shot", shot.identity, shot.walk.camera, shot.index)
    target, layers = _draw_walker(camera, shot, shot.identity, *_place(camera, shot, shot.identity))
    box = _draw_box(random, style, target)
    for identity, place, heading in _others(random, camera, shot, style.crowd):
        if not _may_show(camera, place, box):
            continue
        walker, theirs = _draw_walker(camera, shot, identity, place, heading)
        if walker.distance > target.distance or target.visible_beside(walker) > _LEAST_VISIBLE:
            layers += theirs
    left, top, right, bottom = box
    picture = scene.frame[top:bottom, left:right].copy()
    # The frame shows all furniture already; it is drawn again only where it stands before people.
    farthest = max(layer.distance for layer in layers)
    layers += [thing for thing in scene.things if thing.distance < farthest]
    for layer in sorted(layers, key=lambda layer: -layer.distance):
        layer.paste(picture, (top, left))
    return expose(_fit(picture), camera.sensor, random)


def _place(camera, shot, identity):
    """Where a group member stands, (x, distance) in metres, and the heading as the camera sees it."""
    lane = camera.lanes[shot.walk.lane]
    start, end = np.array(lane.start), np.array(lane.end)
    if shot.walk.backwards:
        start, end = end, start
    direction = (end - start) / np.linalg.norm(end - start)
    row = shot.walk.members.index(identity) - (len(shot.walk.members) - 1) / 2
    # Side by side but not quite level: else the nearest would hide the others whenever they cross the picture.
    offset = row * (0.62 * np.array([-direction[1], direction[0]]) + 0.42 * direction)
    place = start + (end - start) * shot.share + offset
    return place, float(np.arctan2(direction[0], -direction[1]) + np.arctan2(place[0], place[1]))


def _others(random, camera, shot, crowd):
    """Who else may be in the picture: (identity, place, heading) of the group's others and sometimes of a stranger."""
    members = [identity for identity in shot.walk.members if identity != shot.identity]
    others = [(identity, *_place(camera, shot, identity)) for identity in members]
    if random.random() < crowd:
        place, _ = _place(camera, shot, shot.identity)
        offset = random.uniform(0.45, 1.0) * random.choice([-1, 1]), random.uniform(-1.2, 3.0)
        number = _STRANGERS + int(random.integers(1_000_000_000))
        others.append((number, place + offset, random.uniform(0, 2 * np.pi)))
    return others


def _may_show(camera, place, box):
    """Whether a person or shadow at `place` can reach into the box: drawing one costs as much as the target."""
    column, row, scale = camera.ground(*place)
    left, top, right, bottom = box
    return left - scale < column < right + scale and top < row < bottom + 2 * scale


def _draw_walker(camera, shot, identity, place, heading):
    """Draws a person who stands at `place`. Returns the person's `Layer` and a list of it and the shadows."""
    random = stream(camera.network, camera.seed, "view", identity, shot.walk.camera, shot.index)
    person = _person(camera.network, camera.seed, identity)
    stride = 0.0 if random.random() < 0.08 else 0.22 * shot.walk.speed + 0.03
    column, row, scale = camera.ground(*place)
    pitch = float(np.arctan2(camera.height - 0.9, place[1]))
    phase = random.uniform(0, 2 * np.pi)
    view = draw_view(random, heading, pitch, float(np.hypot(place[1], camera.height)), phase, stride)
    figure = draw_figure(person, view, camera.light, scale)
    left, top = figure.corner
    walker = Layer(float(place[1]), round(row) + top, round(column) + left, figure.colour, figure.alpha)
    layers = [walker, contact_shadow(column, row, scale, walker.distance)]
    if camera.outdoor:
        layers.append(cast_shadow(walker, column, row, walker.distance, pitch, camera.light))
    return walker, layers


def _draw_box(random, style, target):
    """Draws the detector's box around a figure: (left, top, right, bottom) in frame pixels, inside of the frame."""
    height, width = target.alpha.shape
    box_height = height * np.clip(random.normal(*style.box_scale), 0.9, 1.6)
    box_width = box_height * np.clip(random.normal(*style.box_aspect), 0.34, 0.75)
    column = target.column + width / 2 + random.normal(0, style.box_shift) * box_width
    row = target.row + height / 2 + random.normal(0, style.box_shift) * box_height
    edges = (column - box_width / 2, row - box_height / 2, column + box_width / 2, row + box_height / 2)
    limits = (FRAME_WIDTH, FRAME_HEIGHT, FRAME_WIDTH, FRAME_HEIGHT)
    return tuple(round(float(np.clip(edge, 0, limit))) for edge, limit in zip(edges, limits, strict=True))


def _fit(picture):
    """Brings a crop's height into `MIN_HEIGHT` to `MAX_HEIGHT`; most are there already."""
    height, width = picture.shape[:2]
    fitted = int(np.clip(height, MIN_HEIGHT, MAX_HEIGHT))
    if fitted == height:
        return picture
    image = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    resized = image.resize((round(width * fitted / height), fitted), Image.Resampling.BICUBIC)
    return np.asarray(resized, np.float32) / 255
