"""Writes a generated data set in the layout of Market-1501; a finished folder is reused, a broken one completed."""

import functools
import json
import multiprocessing
import os
import pathlib

from qaconv_tf.datasets.records import ImageRecord, ReidDataset
from qaconv_tf.errors import UserError
from qaconv_tf.people.networks import CAMERAS_PER_NETWORK, network_style
from qaconv_tf.people.photograph import photograph
from qaconv_tf.people.plan import plan_shots
from qaconv_tf.people.routes import FRAMES_PER_SECOND

GENERATOR_VERSION = 1  # raise it with every change that alters images, so that older folders are not taken for new ones
MANIFEST, UNFINISHED = "manifest.json", "manifest.unfinished.json"
_FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
_SHOTS_PER_PROCESS = 100  # fewer are taken sooner than another process starts


def generate_people(
    directory,
    network="campus",
    train_identities=300,
    test_identities=60,
    images_per_camera=2,
    cameras_per_identity=4,
    seed=0,
    processes=None,
    progress=None,
):
    """Makes a data set of generated pedestrians, or finds it made already.

    People walk alone or in groups through the six cameras of a network; each camera has its own place, light, colours,
    sharpness and framing. The three networks differ in all of that and share no person: "campus" is meant for
    training, "arcade" (with looser boxes) for validation, "station" as the unseen test.

    The folder has the layout of Market-1501 (`bounding_box_train`, `query`, `bounding_box_test`; names such as
    `0001_c1s1_000451_01.jpg` say identity, camera and frame at 25 frames a second), and a `manifest.json` that is
    written last. The gallery also holds distractors, identity 0. Same arguments, same bytes, whatever the number of
    processes.

    Args:
        directory: str or path. Where to write. Absent, empty, or made with the same arguments: a finished folder is
            left as it is, an interrupted one completed.
        network: str. "campus", "station" or "arcade". Defaults to `"campus"`.
        train_identities: int. People in the training part. Defaults to `300`.
        test_identities: int. Other people, in query and gallery. Defaults to `60`.
        images_per_camera: int. Images of one person at one camera. Defaults to `2`.
        cameras_per_identity: int. Cameras that one person passes, 2 to 6. Defaults to `4`.
        seed: int, not negative. Another seed is other people, cameras and places. Defaults to `0`.
        processes: int or None. Processes that draw; None takes one a core, or fewer for small sets. Each starts as a
            fresh interpreter, so a script that passes more than one needs `if __name__ == "__main__":`.
        progress: callable or None. Called as `progress(done, total)` with numbers of images. Defaults to `None`.

    Returns:
        A `ReidDataset` named after the network, with cameras from 0, timestamps in seconds and images 96 to 200 high.

    Raises:
        UserError: if an argument is out of range, or the folder holds anything else.

    Example:
        >>> import tempfile
        >>> from qaconv_tf.people import generate_people
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     dataset = generate_people(folder, train_identities=2, test_identities=1, images_per_camera=1)
        >>> len(dataset.train), len(dataset.query), len(dataset.gallery)
        (8, 2, 2)
    """
    network_style(network)
    arguments = {
        "network": network,
        "train_identities": train_identities,
        "test_identities": test_identities,
        "images_per_camera": images_per_camera,
        "cameras_per_identity": cameras_per_identity,
        "seed": seed,
    }
    _check_numbers(arguments, processes)
    directory = pathlib.Path(directory)
    shots = plan_shots(**arguments)
    dataset = _as_dataset(directory, network, shots)
    counts = {"train": len(dataset.train), "query": len(dataset.query), "gallery": len(dataset.gallery)}
    manifest = {"version": GENERATOR_VERSION, **arguments, "images": counts}
    if not _is_finished(directory, manifest):
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
    if not directory.exists() or not any(directory.iterdir()):
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
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # First of all: by this file an interrupted folder is known as ours.
        _write_whole(directory / UNFINISHED, json.dumps(manifest, indent=2).encode())
    except OSError as error:
        raise UserError(
            f"Expected a folder that can be written to. Received: directory={str(directory)!r} ({error.strerror})"
        ) from error
    for folder in _FOLDERS.values():
        (directory / folder).mkdir(exist_ok=True)
    left = [shot for shot in shots if not (directory / shot.path).exists()]
    take = functools.partial(_take, str(directory), manifest["network"], manifest["seed"])
    done = len(shots) - len(left)
    for _ in _map(take, left, processes):
        done += 1
        if progress is not None:
            progress(done, len(shots))
    os.replace(directory / UNFINISHED, directory / MANIFEST)


def _map(take, shots, processes):
    """Applies `take` to all shots, in whatever order, and yields once for each."""
    if processes is None:
        processes = min(os.cpu_count() or 1, -(-len(shots) // _SHOTS_PER_PROCESS))
    if processes < 2:
        yield from map(take, shots)
        return
    # Spawned, not forked: a fork of a process in which TensorFlow runs threads can hang.
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(take, shots, chunksize=8)


def _take(directory, network, seed, shot):
    _write_whole(pathlib.Path(directory, shot.path), photograph(network, seed, shot))


def _write_whole(path, content):
    """Writes a file that is there whole or not at all, so that an interrupted run leaves no half image."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)


def _as_dataset(directory, network, shots):
    records = {part: [] for part in _FOLDERS}
    part_of = {folder: part for part, folder in _FOLDERS.items()}
    for shot in sorted(shots, key=lambda shot: shot.path):
        folder, name = shot.path.split("/")
        identity, camera, frame, _ = name.split("_")
        record = ImageRecord(
            path=str(directory / shot.path),
            identity=int(identity),
            camera=int(camera[1 : camera.index("s")]) - 1,
            timestamp=int(frame) / FRAMES_PER_SECOND,
        )
        records[part_of[folder]].append(record)
    return ReidDataset(name=f"people_{network}", **{part: tuple(found) for part, found in records.items()})
