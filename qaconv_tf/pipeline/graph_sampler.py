"""Batches of identities that look alike: each identity with its nearest ones, by the model as it is at the time."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from qaconv_tf.pipeline.identity_sampler import images_by_identity

# Tags of the random generators, as in identity_sampler.py.
_REPRESENTATIVES, _IMAGES, _CENTERS = 4, 5, 6


@dataclasses.dataclass(frozen=True, eq=False)
class EpochGraph:
    """The batches of one epoch, and the graph of identities that they follow.

    Args:
        representatives: ints `(num_identities,)`. The record that stood for each identity.
        distances: `(num_identities, num_identities)`, between the representatives.
        neighbors: ints `(num_identities, identities_per_batch - 1)`. The identities nearest to each, the nearest first.
        batches: ints `(num_identities, batch_size)`. Record indices of each batch.
        first_step: int. The run's step of the first batch.

    Attributes:
        batch_size: int. Records in a batch.
        steps_per_epoch: int. Batches in the epoch, one an identity.
    """

    representatives: np.ndarray
    distances: np.ndarray
    neighbors: np.ndarray
    batches: np.ndarray
    first_step: int

    @property
    def batch_size(self) -> int:
        """Records in a batch."""
        return self.batches.shape[1]

    @property
    def steps_per_epoch(self) -> int:
        """Batches in the epoch."""
        return len(self.batches)

    def __call__(self, step: int) -> np.ndarray:
        """Returns the record indices of a step, `(batch_size,)`."""
        return self.batches[(int(step) - self.first_step) % len(self.batches)]


class GraphSampler:
    """Graph sampling: every identity once an epoch, with the P - 1 identities nearest to it, K images of each.

    At an epoch's start one random image stands for each identity; the distances between these make a graph, whose
    neighbours, being the hardest to tell apart, share a batch. The images of an identity are dealt out in random order,
    all of them before any comes again. (The official code keeps dealing where the last epoch stopped; here each epoch
    deals anew, so that an epoch is a function of seed, epoch and distances alone.)

    Args:
        labels: ints, `(num_records,)`. Whose image each record is.
        identities_per_batch: int. P.
        instances_per_identity: int. K.
        seed: int, 0 or more. Of the run.
        distances: callable. Given the record indices of one image of each identity, in rising order of labels, returns
            their distances `(num_identities, num_identities)`, the row's image as query.

    Raises:
        UserError: if there are fewer than P identities.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.pipeline import GraphSampler
        >>> looks = np.array([0.0, 0.1, 5.0, 5.2, 9.0, 9.1])  # of records 0 to 5; identities 0 and 1 are alike
        >>> labels = [0, 0, 2, 2, 1, 1]
        >>> def distances(records):
        ...     return abs(looks[records] - looks[records, None])
        >>> sampler = GraphSampler(labels, 2, 1, seed=0, distances=distances)
        >>> graph = sampler.epoch(0, first_step=0)
        >>> graph.neighbors.tolist(), graph.steps_per_epoch
        ([[2], [2], [1]], 3)

    Reference:
        [Liao and Shao, CVPR 2022](https://arxiv.org/abs/2104.01546), section 3.2.
    """

    def __init__(
        self,
        labels: Sequence[int],
        identities_per_batch: int,
        instances_per_identity: int,
        seed: int,
        distances: Callable[[np.ndarray], np.ndarray],
    ):
        images_of = images_by_identity(labels, identities_per_batch, instances_per_identity)
        self._images = [images_of[identity] for identity in sorted(images_of)]
        self.identities_per_batch = identities_per_batch
        self.instances_per_identity = instances_per_identity
        self.seed = seed
        self.distances = distances

    def epoch(self, epoch: int, first_step: int) -> EpochGraph:
        """Makes the batches of an epoch, by distances of this moment.

        Args:
            epoch: int, from 0. Which; with the seed it decides all that is random.
            first_step: int. The run's step of the epoch's first batch.

        Returns:
            An `EpochGraph`, a sampler of the epoch's steps.

        Raises:
            ValueError: if the distances are not of the representatives.
        """
        rng = np.random.default_rng([self.seed, _REPRESENTATIVES, epoch])
        representatives = np.array([rng.choice(images) for images in self._images])
        distances = np.asarray(self.distances(representatives))
        if distances.shape != (len(self._images),) * 2:
            raise ValueError(
                f"Expected distances of {len(self._images)} identities. Received: shape {distances.shape}"
            )
        neighbors = nearest(distances, self.identities_per_batch - 1)
        return EpochGraph(representatives, distances, neighbors, self._batches(neighbors, epoch), first_step)

    def _batches(self, neighbors: np.ndarray, epoch: int) -> np.ndarray:
        decks = [
            _endless(images, np.random.default_rng([self.seed, _IMAGES, epoch, identity]))
            for identity, images in enumerate(self._images)
        ]
        centers = np.random.default_rng([self.seed, _CENTERS, epoch]).permutation(len(self._images))
        return np.array(
            [
                [next(decks[identity]) for identity in (center, *neighbors[center])
                 for _ in range(self.instances_per_identity)]
                for center in centers
            ]
        )  # fmt: skip


def nearest(distances: np.ndarray, count: int) -> np.ndarray:
    """The nearest others of each row.

    Args:
        distances: `(n, n)`.
        count: int. How many, at most `n - 1`.

    Returns:
        Ints `(n, count)`, the nearest first; of equally near ones the first first, and never a row itself.

    Example:
        >>> import numpy as np
        >>> from qaconv_tf.pipeline.graph_sampler import nearest
        >>> nearest(np.array([[0.0, 2.0, 1.0], [2.0, 0.0, 2.0], [1.0, 2.0, 0.0]]), 2).tolist()
        [[2, 1], [0, 2], [0, 1]]
    """
    found = np.empty((len(distances), count), np.int64)
    for row, of_row in enumerate(distances):
        order = np.argsort(of_row, kind="stable")
        found[row] = order[order != row][:count]
    return found


def _endless(images: Sequence[int], rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from rng.permutation(images).tolist()
