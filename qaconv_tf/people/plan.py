"""What a data set will hold: every image with its name, before any is drawn."""

import collections
import dataclasses

from qaconv_tf.people.routes import FRAMES_PER_SECOND, Pass, form_groups, plan_route
from qaconv_tf.people.streams import stream

SECONDS_IN_LANE = 3.6
_QUERY_CAMERAS = 2
_DISTRACTORS_PER_IDENTITY = 0.25


@dataclasses.dataclass(frozen=True)
class Shot:
    """One image to be taken.

    Args:
        path: str. File below the data set's folder, with "/".
        identity: int. The person, also of a distractor, whose file name says 0.
        index: int. Which image of this person at this camera.
        share: float. How far along the lane the person is, 0 to 1.
        walk: `Pass`. The group's way past the camera.
    """

    path: str
    identity: int
    index: int
    share: float
    walk: Pass


def plan_shots(network, seed, train_identities, test_identities, images_per_camera, cameras_per_identity):
    """Lists all images of a data set.

    Identities count from 1, those of training first; people without a name in the gallery (distractors, identity 0 in
    the file name) follow, a quarter of the number of test identities. No group mixes the three.

    Args:
        network: str. Name of the network.
        seed: int. The data set's seed.
        train_identities: int. People in the training part.
        test_identities: int. People with queries.
        images_per_camera: int. Images of one person at one camera.
        cameras_per_identity: int. Cameras that one person passes.

    Returns:
        A list of `Shot` with distinct paths.
    """
    first_test = train_identities + 1
    first_distractor = first_test + test_identities
    distractors = int(_DISTRACTORS_PER_IDENTITY * test_identities)
    parts = {
        "train": range(1, first_test),
        "test": range(first_test, first_distractor),
        "distractor": range(first_distractor, first_distractor + distractors),
    }
    shots, taken = [], collections.Counter()
    for part, identities in parts.items():
        for group in form_groups(network, seed, identities):
            for order, walk in enumerate(plan_route(network, seed, group, cameras_per_identity)):
                for identity in group:
                    for index in range(images_per_camera):
                        folder = _folder(part, order, index, cameras_per_identity)
                        shots.append(
                            _shot(network, seed, folder, part, identity, walk, index, images_per_camera, taken)
                        )
    return shots


def _folder(part, order, index, cameras_per_identity):
    if part == "train":
        return "bounding_box_train"
    # At least one camera gives no query, so that every query has an answer at another camera.
    asked = order < min(_QUERY_CAMERAS, cameras_per_identity - 1)
    return "query" if part == "test" and asked and index == 0 else "bounding_box_test"


def _shot(network, seed, folder, part, identity, walk, index, images_per_camera, taken):
    # Companions share the moment, so that each is in the others' pictures.
    moment = stream(network, seed, "moment", walk.members[0], walk.camera, index).uniform(0.1, 0.9)
    share = (index + moment) / images_per_camera
    frame = round(FRAMES_PER_SECOND * (walk.start + SECONDS_IN_LANE * share))
    stem = f"{0 if part == 'distractor' else identity:04d}_c{walk.camera + 1}s1_{frame:06d}"
    taken[stem] += 1
    return Shot(f"{folder}/{stem}_{taken[stem]:02d}.jpg", identity, index, share, walk)
