"""Makes `graph_sampler_TAG.npz`: neighbour lists of the official graph sampler on random distances.

    python -m tests.golden.make_graph_sampler CHECKOUT

Run from the root, for a checkout of the official QAConv at its tags v2.0 and v2.1, in an environment of its own with
numpy, torch 2.13.0 (CPU) and Pillow; no test needs them. Seed 7. Its network and matcher are replaced by a table of
distances. At v2.0 each representative is re-ranked against a copy of itself, so equal distances are the rule; the
official code sorts them in an order that NumPy does not define, here in rising order of their places. Symmetric
distances, distances whose directions differ by 2 % as those of two sets of location weights may, and distances whose
directions have nothing in common.
"""

import pathlib
import sys
import tempfile

import numpy as np
import torch

from tests.golden import official

NUM_IDENTITIES, IMAGES_PER_IDENTITY = 60, 5
# (batch size, images of an identity), as published.
BATCHES = {"v2.0": (64, 4), "v2.1": (64, 2)}


def random_distances(name):
    random = np.random.default_rng(7)
    distances = random.uniform(0.2, 0.9, (NUM_IDENTITIES, NUM_IDENTITIES)).astype(np.float32)
    if name != "asymmetric":
        distances = (distances + distances.T) / 2
    if name == "nearly_symmetric":
        distances *= random.normal(1, 0.02, distances.shape).astype(np.float32)
    np.fill_diagonal(distances, 0.01)
    return distances


def graph_of(tag, distances):
    """Distances, as the sampler sorts them, and neighbours."""
    # Torch has since lost the argument that the official class gives to its base.
    torch.utils.data.sampler.Sampler.__init__ = lambda self, data_source: None
    from reid.utils.data import graph_sampler

    graph_sampler.extract_features = lambda model, loader, verbose: (dict.fromkeys(names, torch.zeros(1)), None)
    graph_sampler.pairwise_distance = lambda *arguments: torch.from_numpy(distances)
    source = [(f"{pid}_{image}", pid, 0, 0) for pid in range(NUM_IDENTITIES) for image in range(IMAGES_PER_IDENTITY)]
    names = [name for name, *_ in source]
    with tempfile.TemporaryDirectory() as folder:
        sampler = graph_sampler.GraphSampler(source, "", None, None, None, *BATCHES[tag], save_path=folder)
        sampler.epoch = 1  # missing at v2.1, where it names the saved file
        sampler.graph_index()
        with np.load(f"{folder}/gs1.npz") as saved:
            return {"sorted": saved["dist"].astype(np.float32), "neighbors": saved["topk_index"]}


def main(checkout):
    tag = official.use(checkout)
    sort = np.argsort
    np.argsort = lambda *values, **options: sort(*values, **options | {"kind": "stable"})
    np.random.seed(7)
    goldens = {}
    for name in ("symmetric", "nearly_symmetric", "asymmetric"):
        distances = random_distances(name)
        graph = graph_of(tag, distances) | {"distances": distances}
        goldens |= {f"{name}/{key}": value for key, value in graph.items() if tag == "v2.0" or key != "sorted"}
    np.savez_compressed(pathlib.Path(__file__).parent / f"graph_sampler_{tag}.npz", **goldens)


if __name__ == "__main__":
    main(*sys.argv[1:])
