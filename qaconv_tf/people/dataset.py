"""Writes a generated data set; a finished folder is reused, an interrupted one completed."""

import csv
import functools
import io
import itertools
import json
import os
import pathlib

from qaconv_tf.cores import num_cores
from qaconv_tf.datasets.records import ImageRecord, ReidDataset
from qaconv_tf.errors import UserError
from qaconv_tf.folder_lock import folder_lock
from qaconv_tf.people.backdrop_files import backdrop_folder, write_backdrop
from qaconv_tf.people.crew import crew
from qaconv_tf.people.files import UNFINISHED_SUFFIX, make_folder, write_whole
from qaconv_tf.people.layouts import find_layout
from qaconv_tf.people.networks import CAMERAS_PER_NETWORK, network_style
from qaconv_tf.people.photograph import photograph
from qaconv_tf.people.plan import plan_shots
from qaconv_tf.people.preview import draw_preview
from qaconv_tf.people.truth_files import encode_truth, truth_path

GENERATOR_VERSION = 3  # raise it with every change that alters images, so that older folders are not taken for new ones
MANIFEST, UNFINISHED = "manifest.json", "manifest.unfinished.json"
TABLE, PREVIEW = "images.csv", "preview.jpg"
_SHOTS_PER_PROCESS = 100  # fewer are taken sooner than another process starts


def generate_people(
    directory,
    network="campus",
    train_identities=300,
    test_identities=60,
    images_per_camera=2,
    cameras_per_identity=4,
    seed=0,
    layout="market1501",
    ground_truth=False,
    processes=None,
    progress=None,
):
    """Makes a data set of generated pedestrians, or finds it made already.

    People walk alone or in groups through the six cameras of a network; each camera has its own place, light, colours,
    sharpness and framing. The networks differ in all of that and share no person: "campus" is meant for training,
    "quay" (framed as campus) and "arcade" (with looser boxes) for validation, "station" as the unseen test.

    The folder has the layout of Market-1501 (`bounding_box_train`, `query`, `bounding_box_test`; names such as
    `0001_c1s1_000451_01.jpg` say identity, camera and frame at 25 frames a second) or RandPerson (`randperson_subset`,
    `test/query`, `test/gallery`; `000001_s00_c00_f000451_01.jpg`, 24 frames a second), a table `images.csv`, a sheet
    `preview.jpg` of some people, and a `manifest.json` that is written last. The gallery also holds distractors: people
    whom no query shows, identity 0 in Market-1501's layout. Same arguments, same bytes, whatever the number of
    processes; while several draw, 180 MB of pictures of the places lie in the folder, too.

    Args:
        directory: str or path. Where to write. Absent, empty, or made with the same arguments: a finished folder is
            left as it is, an interrupted one completed.
        network: str. "campus", "quay", "arcade" or "station". Defaults to `"campus"`.
        train_identities: int. People in the training part. Defaults to `300`.
        test_identities: int. Other people, in query and gallery. Defaults to `60`.
        images_per_camera: int. Images of one person at one camera. Defaults to `2`.
        cameras_per_identity: int. Cameras that one person passes, 2 to 6. Defaults to `4`.
        seed: int, not negative. Another seed is other people, cameras and places. Defaults to `0`.
        layout: str. "market1501" or "randperson". Defaults to `"market1501"`.
        ground_truth: bool. Whether to write, in the folder `ground_truth`, for each image the part of the body and the
            place on its surface that each pixel shows; `read_truth` reads them. Defaults to `False`.
        processes: int or None. Processes that draw; None takes one a core, or fewer for small sets. Each starts as a
            fresh interpreter, so a script needs `if __name__ == "__main__":`, but for less than 100 images or one
            process.
        progress: callable or None. Called as `progress(done, total)` with numbers of images. Defaults to `None`.

    Returns:
        A `ReidDataset` named after the network, with cameras from 0 and timestamps in seconds. Images are as large
        as the camera sees people: mostly 80 to 220 pixels high.

    Raises:
        UserError: if an argument is out of range, the folder holds anything else, or it cannot be written to.

    Example:
        >>> import tempfile
        >>> from qaconv_tf.people import generate_people
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     dataset = generate_people(folder, train_identities=2, test_identities=1, images_per_camera=1)
        >>> len(dataset.train), len(dataset.query), len(dataset.gallery)
        (8, 2, 2)
    """
    network_style(network)
    find_layout(layout)
    arguments = {
        "network": network,
        "train_identities": train_identities,
        "test_identities": test_identities,
        "images_per_camera": images_per_camera,
        "cameras_per_identity": cameras_per_identity,
        "seed": seed,
        "layout": layout,
    }
    _check_numbers(arguments, processes)
    directory = pathlib.Path(directory)
    shots = plan_shots(**arguments)
    dataset = _as_dataset(directory, network, shots)
    counts = {"train": len(dataset.train), "query": len(dataset.query), "gallery": len(dataset.gallery)}
    manifest = {"version": GENERATOR_VERSION, **arguments, "ground_truth": ground_truth, "images": counts}
    if not _is_finished(directory, manifest):
        make_folder(directory)
        with folder_lock(directory):
            if not _is_finished(directory, manifest):  # as another process may have made it so meanwhile
                _write_all(directory, manifest, shots, processes, progress)
    return dataset


def _check_numbers(arguments, processes):
    least = {"train_identities": 0, "test_identities": 0, "images_per_camera": 1, "seed": 0, "cameras_per_identity": 2}
    for name, lowest in least.items():
        value = arguments[name]
        highest = CAMERAS_PER_NETWORK if name == "cameras_per_identity" else None
        if value < lowest or (highest is not None and value > highest):
            limits = f"at least {lowest}" + (f" and at most {highest}" if highest is not None else "")
            raise UserError(f"Expected {name} to be {limits}. Received: {name}={value}")
    if processes is not None and processes < 1:
        raise UserError(f"Expected processes to be at least 1. Received: processes={processes}")


def _is_finished(directory, manifest):
    """Whether the folder holds this very set. Refuses a folder that holds anything else."""
    if directory.exists() and not directory.is_dir():
        raise UserError(f"Expected a folder to write to. Received: directory={str(directory)!r}, a file. Name another")
    # A run that was killed while it wrote its first file has left a part of that.
    if not directory.exists() or {path.name for path in directory.iterdir()} <= {UNFINISHED + UNFINISHED_SUFFIX}:
        return False
    for name in (MANIFEST, UNFINISHED):
        if (directory / name).exists():
            if _read(directory / name) == manifest:
                return name == MANIFEST
            raise UserError(
                f"Expected a folder made with the same arguments. Received: directory={str(directory)!r}, whose {name} "
                "differs. Name another folder, or delete this one"
            )
    raise UserError(
        f"Expected an empty folder or a generated one. Received: directory={str(directory)!r}, which holds other "
        "files. Name another folder"
    )


def _read(path):
    try:
        return json.loads(path.read_text())
    except ValueError:
        return None


def _write_all(directory, manifest, shots, processes, progress):
    # First of all: by this file an interrupted folder is known as ours.
    write_whole(directory / UNFINISHED, json.dumps(manifest, indent=2).encode())
    left = [shot for shot in shots if not (directory / shot.path).exists()]
    # Who walks together is drawn together: each person then has to be dressed only once.
    groups = [list(group) for _, group in itertools.groupby(left, lambda shot: shot.walk.members)]
    done = len(shots) - len(left)
    for taken in _take_all(directory, manifest, groups, processes):
        done += taken
        if progress is not None:
            progress(done, len(shots))
    write_whole(directory / TABLE, _table(shots))
    write_whole(directory / PREVIEW, draw_preview(directory, shots))
    os.replace(directory / UNFINISHED, directory / MANIFEST)


def _take_all(directory, manifest, groups, processes):
    """Takes the images of all groups, in whatever order, and yields how many were taken."""
    network, seed = manifest["network"], manifest["seed"]
    take = functools.partial(_take, str(directory), network, seed, manifest["ground_truth"])
    if processes is None:
        processes = min(num_cores(), -(-sum(map(len, groups)) // _SHOTS_PER_PROCESS))
    with backdrop_folder(directory) as backdrops:
        if min(processes, len(groups)) > 1:
            cameras = {shot.walk.camera for group in groups for shot in group}
            with crew(processes) as spread:
                # All places before the first image: else a process would wait for one that another draws.
                list(spread(functools.partial(write_backdrop, backdrops, network, seed), sorted(cameras)))
                yield from spread(functools.partial(take, backdrops), groups)
        else:
            for group in groups:
                for shot in group:
                    yield take(None, [shot])


def _take(directory, network, seed, ground_truth, backdrops, shots):
    for shot in shots:
        image = photograph(network, seed, shot, ground_truth, backdrops)
        if ground_truth:
            for suffix, content in encode_truth(image).items():
                write_whole(truth_path(directory, shot.path).with_suffix(suffix), content)
        # The image last: where it is, all is.
        write_whole(pathlib.Path(directory, shot.path), image.content)
    return len(shots)


def _table(shots):
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(("path", "identity", "camera", "timestamp", "split"))
    for shot in sorted(shots, key=lambda shot: shot.path):
        rows.writerow((shot.path, shot.named, shot.walk.camera, round(shot.timestamp, 4), shot.part))
    return table.getvalue().encode()


def _as_dataset(directory, network, shots):
    records = {"train": [], "query": [], "gallery": []}
    for shot in sorted(shots, key=lambda shot: shot.path):
        record = ImageRecord(
            path=str(directory / shot.path), identity=shot.named, camera=shot.walk.camera, timestamp=shot.timestamp
        )
        records[shot.part].append(record)
    return ReidDataset(name=f"people_{network}", **{part: tuple(found) for part, found in records.items()})
