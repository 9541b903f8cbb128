"""Makes `datasets.json`: what the official loaders read from small trees of files.

    python -m tests.golden.make_datasets CHECKOUT

Run from the root, for a checkout of the official QAConv at its tag v2.1, the last with a loader of DukeMTMC-reID (the
other tags' loaders read the same), in an environment of its own with numpy and torch 2.13.0 (CPU); no test needs them.
The trees' names are random, seed 7, and stored with what the loaders make of them: `[name, identity or training label,
camera, seconds]` for each image of each part.
"""

import contextlib
import io
import json
import pathlib
import sys
import tempfile

import numpy as np

from tests.golden import official

HERE = pathlib.Path(__file__).parent
SEED = 7
FOLDERS = ("bounding_box_train", "query", "bounding_box_test")


def random_names(random, form, cameras, count):
    """Names in the three folders: training identities from 1, others from 41, in the gallery junk, distractors."""
    for folder in FOLDERS:
        for box in range(count):
            identity = random.integers(1, 13) + 40 * (folder != FOLDERS[0])
            kind = random.integers(4) if folder == FOLDERS[2] else 3
            # Junk comes late in its session: it must not count as the session's end.
            label, frame = {0: ("-1", 9000), 1: ("0000", 0)}.get(kind, (f"{identity:04d}", 0))
            numbers = {"session": random.integers(1, 7), "frame": frame + random.integers(1, 5000), "box": box}
            yield f"{folder}/" + form.format(identity=label, camera=random.integers(1, cameras + 1), **numbers)


def random_lists(random):
    """Lines of MSMT17's lists, whose identities count from 0 in training as in testing."""
    for part, num_identities, count in (("train", 6, 20), ("val", 6, 5), ("query", 9, 9), ("gallery", 9, 25)):
        lines = []
        for number in range(count):
            identity = number % num_identities
            sitting = random.choice(["0113morning", "0303noon", "0302afternoon"])
            camera, time = random.integers(1, 16), random.integers(1, 1800)
            suffix = "_ex" if number % 4 == 0 else ""
            name = f"{identity:04d}_{number:03d}_{camera:02d}_{sitting}_{time:04d}_{number % 3}{suffix}.jpg"
            lines.append(f"{identity:04d}/{name} {identity}")
        yield f"list_{part}.txt", lines


def load(loader, files, lists=(), **options):
    """What a loader reads from a tree of empty files and lists."""
    with tempfile.TemporaryDirectory() as root, contextlib.redirect_stdout(io.StringIO()):
        for file in files:
            path = pathlib.Path(root, file)
            path.parent.mkdir(exist_ok=True)
            path.touch()
        for name, lines in lists:
            pathlib.Path(root, name).write_text("".join(f"{line}\n" for line in lines))
        dataset = loader(root, **options)
    return {
        part: [[name, int(identity), int(camera), float(seconds)] for name, identity, camera, seconds in records]
        for part, records in (("train", dataset.train), ("query", dataset.query), ("gallery", dataset.gallery))
    }


def main():
    tag = official.use(sys.argv[1])
    from reid.datasets import cuhk, duke, market, msmt

    random = np.random.default_rng(SEED)
    trees = {
        "market1501": (market.Market, "{identity}_c{camera}s{session}_{frame:06d}_{box:02d}.jpg", 6, 60),
        "dukemtmc": (duke.Duke, "{identity}_c{camera}_f{frame:07d}.jpg", 8, 25),
        "cuhk03": (cuhk.CUHK, "{identity}_c{camera}_{box}.png", 2, 20),
    }
    goldens = {"tag": tag, "seed": SEED}
    for name, (loader, *recipe) in trees.items():
        files = list(random_names(random, *recipe))
        goldens[name] = {"files": files} | load(loader, files)
    lists = dict(random_lists(random))
    for name, combine_all in (("msmt17", False), ("msmt17 combine_all", True)):
        goldens[name] = {"lists": lists} | load(msmt.MSMT, (), lists.items(), combine_all=combine_all)
    (HERE / "datasets.json").write_text(json.dumps(goldens, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
