"""Takes one planned image: the person, companions and strangers in a camera's place, framed by an imperfect box."""

import dataclasses
import functools

import numpy as np

from qaconv_tf.people.backdrop import draw_backdrop
from qaconv_tf.people.backdrop_files import read_backdrop
from qaconv_tf.people.cameras import FRAME_HEIGHT, FRAME_WIDTH, describe_camera
from qaconv_tf.people.dressed import dress, pose
from qaconv_tf.people.networks import network_style
from qaconv_tf.people.person import describe_person
from qaconv_tf.people.renderer import Placed, arrange, render, visible_share
from qaconv_tf.people.sensor import expose
from qaconv_tf.people.streams import stream

_STRANGERS, _MANY_STRANGERS = 1_000_000_000, 24  # identities from here on are passers-by; so many of them
_MOST_STRANGERS = 2  # in one picture
_STANDING = 0.1  # share of the moments at which a group stands
_LEAST_VISIBLE = 0.6
_SMALLEST = 16  # pixels along an edge of an image
_CYCLE = 1.45  # metres that people walk in a cycle of two steps
_USUAL_SPEED = 1.3  # metres a second, of a stride of 1


@dataclasses.dataclass(frozen=True, eq=False)
class Photograph:
    """An image and, where asked for, what its pixels show.

    Args:
        content: bytes of a JPEG file.
        parts: `(height, width)` uint8 or None. 0, or 1 + the index into `PARTS` of what is seen of the person.
        surface: `(height, width, 3)` float32 or None. Where on the average body, in metres; NaN where there is none.
        viewpoint: float or None. From where the camera sees the person, degrees; see `Placed.viewpoint`.
    """

    content: bytes
    parts: np.ndarray | None
    surface: np.ndarray | None
    viewpoint: float | None


@functools.lru_cache(maxsize=12)
def _camera_and_backdrop(network, seed, number, backdrops):
    camera = describe_camera(network, seed, number)
    return camera, draw_backdrop(camera) if backdrops is None else read_backdrop(backdrops, number)


@functools.lru_cache(maxsize=40)
def _dressed(network, seed, identity):
    return dress(describe_person(network, seed, identity))


def photograph(network, seed, shot, ground_truth=False, backdrops=None):
    """Takes one image.

    Args:
        network: str. Name of the network.
        seed: int. The data set's seed.
        shot: `Shot`. What to take.
        ground_truth: bool. Whether to say for each pixel what it shows of the person. Defaults to `False`.
        backdrops: str or None. Folder in which `write_backdrop` has drawn the cameras' places; None draws them here.

    Returns:
        A `Photograph`, of the size in which the camera sees the box, always the same for the same arguments.
    """
    moment = (network, seed, shot.walk, shot.index, shot.share)
    people = _people(*moment)
    arrangement = _arrange(*moment, tuple(people), backdrops)
    kept = _not_hidden(arrangement, list(people), shot.identity, people)
    if len(kept) < len(people):
        arrangement = _arrange(*moment, kept, backdrops)
    number = kept.index(shot.identity)
    random = stream(network, seed, "shot", shot.identity, shot.walk.camera, shot.index)
    box = _draw_box(random, network_style(network), arrangement.extent(number))
    rendering = render(arrangement, box)
    content = expose(rendering.picture, arrangement.camera.sensor, random)
    if not ground_truth:
        return Photograph(content, None, None, None)
    return Photograph(content, *rendering.truth(number), people[shot.identity].viewpoint())


@functools.lru_cache(maxsize=4)
def _people(network, seed, walk, index, share):
    """Everybody who is before the camera at a moment: a dict of identity -> `Placed`, the group's members first."""
    camera = describe_camera(network, seed, walk.camera)
    random = stream(network, seed, "moment people", walk.members[0], walk.camera, index)
    standing = random.random() < _STANDING
    lane = camera.lanes[walk.lane]
    start, end = np.array(lane.start), np.array(lane.end)
    if walk.backwards:
        start, end = end, start
    direction = (end - start) / lane.length
    beside = np.array([-direction[1], direction[0]])
    people = {}
    for row, identity in enumerate(walk.members):
        # Side by side but not quite level: else the nearest would hide the others whenever they cross the picture.
        offset = (row - (len(walk.members) - 1) / 2) * (0.66 * beside + 0.42 * direction)
        turn = random.normal(0, 0.9 if standing else 0.12)
        stride = 0.0 if standing else walk.speed / _USUAL_SPEED
        phase = 2 * np.pi * (share * lane.length / _CYCLE + stream(network, seed, "phase", identity).random())
        place = start + (end - start) * share + offset
        people[identity] = _walker(network, seed, identity, place, _heading(direction) + turn, phase, stride, random)
    style = network_style(network)
    for _ in range(_MOST_STRANGERS):
        angle, away = random.uniform(0, 2 * np.pi), random.uniform(0.9, 3.5)
        place = start + (end - start) * share + away * np.array([np.cos(angle), np.sin(angle)])
        heading, phase, stride = random.uniform(0, 2 * np.pi), random.uniform(0, 2 * np.pi), random.uniform(0.8, 1.1)
        identity = _STRANGERS + int(random.integers(_MANY_STRANGERS))
        free = all(np.hypot(place[0] - other.x, place[1] - other.distance) > 0.7 for other in people.values())
        if random.random() < style.crowd and free and place[1] > 0.8 * camera.nearest and identity not in people:
            people[identity] = _walker(network, seed, identity, place, heading, phase, stride, random)
    return people


def _heading(direction):
    """The heading of somebody who walks along `direction`, (x, distance)."""
    return float(np.arctan2(direction[0], -direction[1]))


def _walker(network, seed, identity, place, heading, phase, stride, random):
    mesh = pose(_dressed(network, seed, identity), phase, stride, random)
    return Placed(mesh, float(place[0]), float(place[1]), float(heading))


@functools.lru_cache(maxsize=3)
def _arrange(network, seed, walk, index, share, identities, backdrops):
    people = _people(network, seed, walk, index, share)
    camera, backdrop = _camera_and_backdrop(network, seed, walk.camera, backdrops)
    return arrange(camera, backdrop, [people[identity] for identity in identities])


def _not_hidden(arrangement, identities, target, people):
    """Who may stay in the picture, so that enough is seen of `target`: the nearest to the camera go first."""
    number = identities.index(target)
    nearer = [one for one in identities if people[one].distance < people[target].distance]
    nearer.sort(key=lambda one: -people[one].distance)
    while nearer:
        others = [identities.index(one) for one in nearer]
        if visible_share(arrangement, number, others) >= _LEAST_VISIBLE:
            break
        nearer.pop()
    farther = {one for one in identities if people[one].distance >= people[target].distance}
    return tuple(one for one in identities if one in farther or one in nearer)


def _draw_box(random, style, extent):
    """Draws the detector's box around a person: (left, top, right, bottom) in frame pixels, inside of the frame."""
    left, top, right, bottom = extent
    height = (bottom - top) * np.clip(random.normal(*style.box_scale), 0.9, 1.6)
    width = height * np.clip(random.normal(*style.box_aspect), 0.34, 0.75)
    column = (left + right) / 2 + random.normal(0, style.box_shift) * width
    row = (top + bottom) / 2 + random.normal(0, style.box_shift) * height
    left, right = _within(column - width / 2, column + width / 2, FRAME_WIDTH)
    top, bottom = _within(row - height / 2, row + height / 2, FRAME_HEIGHT)
    return left, top, right, bottom


def _within(low, high, end):
    """Whole pixels from `low` to `high`, cut at the frame's edges 0 and `end`, and at least `_SMALLEST` of them."""
    low = int(np.clip(round(float(low)), 0, end - _SMALLEST))
    return low, int(np.clip(round(float(high)), low + _SMALLEST, end))
