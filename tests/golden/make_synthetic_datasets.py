"""Makes `synthetic_datasets.json`: identities, cameras and times that the official QAConv reads from names of images.

    python -m tests.golden.make_synthetic_datasets CHECKOUT

Run from the root, for a checkout of the official QAConv at its head of January 2023 (the tags up to v2.1 have no
ClonedPerson; RandPerson's loader is the same from v1.1 on). Python alone suffices; no test needs the checkout. The
names are random, seed 7; the files are empty.
"""

import importlib.util
import json
import pathlib
import random
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
FOLDERS = {
    "randperson": {"train": "randperson_subset"},
    "clonedperson": {"train": "train", "query": "test/query", "gallery": "test/gallery"},
}
SCENES = {"randperson": range(11), "clonedperson": (2, 3, 5, 6, 10, 12)}
CLASSES = {"randperson": "RandPerson", "clonedperson": "ClonedPerson"}


def make_names(dataset, generator):
    """Names of 40 images, of identities that have several; ClonedPerson's with junk among them."""
    identities = [generator.randrange(10**6) for _ in range(9)] + ([-1] if dataset == "clonedperson" else [])
    for number in range(40):
        identity = identities[number % len(identities)]
        scene, camera, frame = generator.choice(SCENES[dataset]), generator.randrange(4), generator.randrange(10**6)
        suffix = generator.choice(("jpg", "png", "jpeg"))
        person = "-1" if identity == -1 else f"{identity:06d}"
        yield f"{person}_s{scene:02d}_c{camera:02d}_f{frame:06d}.{suffix}"


def read(checkout, dataset, root):
    """The official loader's lists of (name, identity from 0 or as it is, camera, time)."""
    path = checkout / "reid" / "datasets" / f"{dataset}.py"
    spec = importlib.util.spec_from_file_location(dataset, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    loader = getattr(module, CLASSES[dataset])(str(root))
    return {part: getattr(loader, part) for part in FOLDERS[dataset]}


def main(checkout):
    checkout = pathlib.Path(checkout).resolve()
    command = ["git", "-C", str(checkout), "describe", "--tags", "--always"]
    tag = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    golden = {"tag": tag, "seed": 7}
    generator = random.Random(golden["seed"])
    for dataset, folders in FOLDERS.items():
        with tempfile.TemporaryDirectory() as root:
            files = []
            for folder in folders.values():
                pathlib.Path(root, folder).mkdir(parents=True)
                files += [f"{folder}/{name}" for name in make_names(dataset, generator)]
            for file in files:
                pathlib.Path(root, file).touch()
            golden[dataset] = {"files": files} | read(checkout, dataset, root)
    with open(HERE / "synthetic_datasets.json", "w", encoding="utf-8") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
