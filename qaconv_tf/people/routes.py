"""Who walks past which camera when: groups on their way through a network, with times that fit its distances."""

import dataclasses

import numpy as np

from qaconv_tf.people.cameras import LANES
from qaconv_tf.people.networks import CAMERAS_PER_NETWORK
from qaconv_tf.people.streams import choose, stream

_GROUP_SIZES = {1: 62, 2: 27, 3: 11}
_SECONDS_BETWEEN_GROUPS = 14.0
_METRES_OF_NEIGHBOURS = 40.0


@dataclasses.dataclass(frozen=True)
class Pass:
    """A group walks past one camera.

    Args:
        members: tuple of int. Identities, from first to last in the row.
        camera: int. From 0.
        lane: int. Index into the camera's lanes.
        backwards: bool. Whether the lane is walked from its end.
        start: float. Seconds on the network's clock when the group enters the lane.
        speed: float. Metres a second.
    """

    members: tuple
    camera: int
    lane: int
    backwards: bool
    start: float
    speed: float


def form_groups(network, seed, identities):
    """Splits identities into groups of one to three who walk together.

    Args:
        network: str. Name of the network.
        seed: int. The data set's seed.
        identities: sequence of int. In order; a group holds neighbours.

    Returns:
        A list of tuples of identities.
    """
    groups, rest = [], list(identities)
    while rest:
        size = choose(stream(network, seed, "group", rest[0]), _GROUP_SIZES)
        groups.append(tuple(rest[:size]))
        rest = rest[size:]
    return groups


def camera_distances(network, seed):
    """Returns the walking distances between a network's cameras in metres, `(cameras, cameras)`."""
    places = stream(network, seed, "map").uniform(0, (120, 70), (CAMERAS_PER_NETWORK, 2))
    straight = np.hypot(*np.moveaxis(places[:, None] - places[None], 2, 0))
    return 12 + 1.25 * straight


def plan_route(network, seed, members, num_cameras, turn):
    """Plans a group's way through the network.

    Args:
        network: str. Name of the network.
        seed: int. The data set's seed.
        members: tuple of int. The group.
        num_cameras: int. How many cameras it passes, each once.
        turn: float. How many people enter before it, about.

    Returns:
        A list of `Pass` in the order of time: each starts after the last by the distance over the group's speed and a
        short stay.
    """
    random = stream(network, seed, "route", members[0])
    distances = camera_distances(network, seed)
    speed = random.uniform(1.0, 1.6)
    # One after the other, so a set of any size has as many people at once.
    clock = _SECONDS_BETWEEN_GROUPS * turn * random.uniform(0.97, 1.0) + random.uniform(0, 60)
    camera, left, passes = int(random.integers(CAMERAS_PER_NETWORK)), set(range(CAMERAS_PER_NETWORK)), []
    for _ in range(num_cameras):
        left.remove(camera)
        passes.append(Pass(members, camera, int(random.integers(LANES)), bool(random.random() < 0.5), clock, speed))
        if left:
            nearness = {other: np.exp(-distances[camera, other] / _METRES_OF_NEIGHBOURS) for other in sorted(left)}
            following = choose(random, nearness)
            clock += distances[camera, following] / speed + random.exponential(6.0)
            camera = following
    return passes
