"""What a data set will hold: every image with its name, before any is drawn."""

import collections
import dataclasses

from qaconv_tf.people.cameras import describe_camera
from qaconv_tf.people.layouts import find_layout
from qaconv_tf.people.routes import Pass, form_groups, plan_route
from qaconv_tf.people.streams import stream

_QUERY_CAMERAS = 2
_DISTRACTORS_PER_IDENTITY = 0.25


@dataclasses.dataclass(frozen=True)
class Shot:
    """One image to be taken.

    Args:
        path: str. File below the data set's folder, with "/".
        part: str. "train", "query" or "gallery".
        named: int. Identity in the file's name: of people whom nobody asks for, the layout's `nobody`.
        timestamp: float. Seconds, as the name tells them.
        identity: int. The person.
        index: int. Which image of this person at this camera.
        share: float. How far along the lane the person is, 0 to 1.
        walk: `Pass`. The group's way past the camera.
    """

    path: str
    part: str
    named: int
    timestamp: float
    identity: int
    index: int
    share: float
    walk: Pass


def plan_shots(
    network, seed, train_identities, test_identities, images_per_camera, cameras_per_identity, layout="market1501"
):
    """Lists all images of a data set.

    Identities count from 1, those of training first; people without a name in the gallery (distractors) follow, a
    quarter of the number of test identities. No group mixes the three.

    Args:
        network: str. Name of the network.
        seed: int. The data set's seed.
        train_identities: int. People in the training part.
        test_identities: int. People with queries.
        images_per_camera: int. Images of one person at one camera.
        cameras_per_identity: int. Cameras that one person passes.
        layout: str. A key of `LAYOUTS`. Defaults to `"market1501"`.

    Returns:
        A list of `Shot` with distinct paths, those of a group one after the other, those of a moment too.
    """
    style = find_layout(layout)
    first_test = train_identities + 1
    first_distractor = first_test + test_identities
    distractors = int(_DISTRACTORS_PER_IDENTITY * test_identities)
    groups = {
        "train": range(1, first_test),
        "test": range(first_test, first_distractor),
        "distractor": range(first_distractor, first_distractor + distractors),
    }
    shots, taken = [], collections.Counter()
    for kind, identities in groups.items():
        for group in form_groups(network, seed, identities):
            entering = _turn(group[0], first_test, first_distractor)
            for order, walk in enumerate(plan_route(network, seed, group, cameras_per_identity, entering)):
                for index in range(images_per_camera):
                    part = _part(kind, order, index, cameras_per_identity)
                    share, timestamp = _moment(network, seed, walk, index, images_per_camera)
                    frame = round(style.frames_per_second * timestamp)
                    for identity in group:
                        named = style.nobody if kind == "distractor" and style.nobody is not None else identity
                        key = (named, walk.camera, frame)
                        taken[key] += 1
                        name = style.name.format(
                            identity=named,
                            camera=walk.camera,
                            camera_from_1=walk.camera + 1,
                            frame=frame,
                            number=taken[key],
                        )
                        path = f"{style.folders[part]}/{name}"
                        seconds = frame / style.frames_per_second
                        shots.append(Shot(path, part, named, seconds, identity, index, share, walk))
    return shots


def _turn(identity, first_test, first_distractor):
    """In whose turn an identity enters the network: distractors among those with queries, not after all of them."""
    if identity < first_distractor:
        return identity
    return first_test + (identity - first_distractor) / _DISTRACTORS_PER_IDENTITY


def _part(kind, order, index, cameras_per_identity):
    if kind == "train":
        return "train"
    # At least one camera gives no query, so that every query has an answer at another camera.
    asked = order < min(_QUERY_CAMERAS, cameras_per_identity - 1)
    return "query" if kind == "test" and asked and index == 0 else "gallery"


def _moment(network, seed, walk, index, images_per_camera):
    """How far along the lane a group is, and when. Companions share the moment, so each is in the others' pictures."""
    drawn = stream(network, seed, "moment", walk.members[0], walk.camera, index).uniform(0.1, 0.9)
    share = (index + drawn) / images_per_camera
    lane = describe_camera(network, seed, walk.camera).lanes[walk.lane]
    return share, walk.start + share * lane.length / walk.speed
