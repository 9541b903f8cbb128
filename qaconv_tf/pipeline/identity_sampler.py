"""Which records make up the batch of a step.

A sampler is callable, `sampler(step) -> record indices (batch_size,)`, and has `batch_size` and `steps_per_epoch`. The
batch is a pure function of (seed, step): a run resumed at any step goes on as if it had never stopped, with nothing to
restore.
"""

import collections
import functools
from collections.abc import Sequence

import numpy as np

from qaconv_tf.errors import UserError

# NumPy gives [seed, a] and [seed, a, 0] the same numbers, so each use of the generator gets a tag of its own.
_ORDER, _INSTANCES, _GROUPS = 1, 2, 3


def images_by_identity(
    labels: Sequence[int], identities_per_batch: int, instances_per_identity: int
) -> dict[int, list[int]]:
    """Finds the images of each identity, for batches of P identities with K images each.

    Args:
        labels: ints, `(num_records,)`. Whose image each record is.
        identities_per_batch: int. P.
        instances_per_identity: int. K.

    Returns:
        Label -> record indices in rising order.

    Raises:
        UserError: if there are fewer than P identities, or P or K is less than 1.

    Example:
        >>> from qaconv_tf.pipeline.identity_sampler import images_by_identity
        >>> images_by_identity([7, 2, 7], identities_per_batch=2, instances_per_identity=1)
        {7: [0, 2], 2: [1]}
    """
    images_of = collections.defaultdict(list)
    for index, label in enumerate(labels):
        images_of[int(label)].append(index)
    if not 1 <= identities_per_batch <= len(images_of):
        raise UserError(
            f"Expected a batch of 1 to {len(images_of)} identities, all that there are. Received: "
            f"identities_per_batch={identities_per_batch}. Take fewer a batch or give more training identities"
        )
    if instances_per_identity < 1:
        raise UserError(
            f"Expected 1 or more images of each identity. Received: instances_per_identity={instances_per_identity}"
        )
    return dict(images_of)


class RandomSampler:
    """Every record at most once an epoch, in a new random order each epoch.

    The records left over when `batch_size` does not divide `num_samples` wait for another epoch; they differ each time.

    Args:
        num_samples: int. Number of records.
        batch_size: int. Records in a batch.
        seed: int, 0 or more. Of the run.

    Attributes:
        batch_size: int. Records in a batch.
        steps_per_epoch: int. Whole batches in an epoch.

    Raises:
        UserError: if there are fewer records than a batch needs.

    Example:
        >>> from qaconv_tf.pipeline import RandomSampler
        >>> sampler = RandomSampler(num_samples=7, batch_size=3, seed=0)
        >>> sampler.steps_per_epoch, len(set(sampler(0)) | set(sampler(1)))
        (2, 6)
    """

    def __init__(self, num_samples: int, batch_size: int, seed: int):
        if not 1 <= batch_size <= num_samples:
            raise UserError(
                f"Expected a batch of 1 to {num_samples} images, all that there are. Received: "
                f"batch_size={batch_size}. Make the batch smaller or give more training images"
            )
        self.num_samples = num_samples
        self.batch_size = batch_size
        self.seed = seed
        self.steps_per_epoch = num_samples // batch_size

    def __call__(self, step: int) -> np.ndarray:
        """Returns the record indices of a step, `(batch_size,)`."""
        epoch, step_of_epoch = divmod(int(step), self.steps_per_epoch)
        order = np.random.default_rng([self.seed, _ORDER, epoch]).permutation(self.num_samples)
        start = step_of_epoch * self.batch_size
        return order[start : start + self.batch_size]


class IdentitySampler:
    """Batches of P identities with K images each (P x K), images of one identity side by side.

    An epoch visits every identity once. Where P does not divide the number of identities, the last batch is filled up
    with the identities that the epoch began with. The K images of an identity come from as many cameras as possible; an
    identity with fewer than K images repeats them evenly.

    Args:
        labels: ints, `(num_records,)`. Whose image each record is.
        cameras: sequence of int or None, one a record. `None`: unknown, taken for a camera of its own.
        identities_per_batch: int. P.
        instances_per_identity: int. K.
        seed: int, 0 or more. Of the run.

    Attributes:
        batch_size: int. P times K.
        steps_per_epoch: int. Batches in an epoch.

    Raises:
        UserError: if there are fewer than P identities.

    Example:
        >>> from qaconv_tf.pipeline import IdentitySampler
        >>> labels = [0, 0, 0, 1, 1, 2]
        >>> cameras = [0, 0, 1, 0, 1, None]
        >>> sampler = IdentitySampler(labels, cameras, identities_per_batch=3, instances_per_identity=2, seed=0)
        >>> sorted(labels[index] for index in sampler(0))
        [0, 0, 1, 1, 2, 2]
    """

    def __init__(
        self,
        labels: Sequence[int],
        cameras: Sequence[int | None],
        identities_per_batch: int,
        instances_per_identity: int,
        seed: int,
    ):
        if len(labels) != len(cameras):
            raise ValueError(
                f"Expected one camera a label. Received: {len(labels)} labels, {len(cameras)} cameras"
            )
        self._images_of = images_by_identity(labels, identities_per_batch, instances_per_identity)
        self._identities = sorted(self._images_of)
        self._cameras = cameras
        self.identities_per_batch = identities_per_batch
        self.instances_per_identity = instances_per_identity
        self.seed = seed
        self.batch_size = identities_per_batch * instances_per_identity
        self.steps_per_epoch = -(-len(self._identities) // identities_per_batch)

    def __call__(self, step: int) -> np.ndarray:
        """Returns the record indices of a step, `(batch_size,)`."""
        epoch, step_of_epoch = divmod(int(step), self.steps_per_epoch)
        order = np.random.default_rng([self.seed, _ORDER, epoch]).permutation(len(self._identities))
        places = step_of_epoch * self.identities_per_batch + np.arange(self.identities_per_batch)
        chosen = np.take(order, places, mode="wrap")
        rng = np.random.default_rng([self.seed, _INSTANCES, step])
        return np.concatenate([self._instances(self._identities[identity], rng) for identity in chosen])

    def _instances(self, identity: int, rng: np.random.Generator) -> np.ndarray:
        images = rng.permutation(self._images_of[identity])
        seen = collections.Counter()
        turns = []  # how many images of the same camera come before this one
        for image in images:
            camera = self._cameras[image]
            turns.append(seen[camera])
            if camera is not None:
                seen[camera] += 1
        spread = images[np.argsort(turns, kind="stable")]
        return np.resize(spread, self.instances_per_identity)


class GroupSampler:
    """Batches of P groups of K images, each group of one identity: every image at most once an epoch.

    The first epoch of the published graph sampling 2.0. Each epoch cuts every identity's images, in random order, into
    groups of K and leaves out the remainder; an identity with fewer than K repeats some at random. The groups come in
    random order, so a batch may hold several of one identity. Where P does not divide their number, the last batch is
    filled up with those that the epoch began with (the official code makes a smaller batch).

    Args:
        labels: ints, `(num_records,)`. Whose image each record is.
        identities_per_batch: int. P.
        instances_per_identity: int. K.
        seed: int, 0 or more. Of the run.

    Attributes:
        batch_size: int. P times K.
        steps_per_epoch: int. Batches in an epoch.

    Raises:
        UserError: if there are fewer than P identities.

    Example:
        >>> from qaconv_tf.pipeline import GroupSampler
        >>> labels = [0, 0, 0, 0, 0, 1, 2, 2]
        >>> sampler = GroupSampler(labels, identities_per_batch=2, instances_per_identity=2, seed=0)
        >>> sorted(labels[index] for step in range(sampler.steps_per_epoch) for index in sampler(step))
        [0, 0, 0, 0, 1, 1, 2, 2]
    """

    def __init__(self, labels: Sequence[int], identities_per_batch: int, instances_per_identity: int, seed: int):
        images_of = images_by_identity(labels, identities_per_batch, instances_per_identity)
        self._images = [images_of[identity] for identity in sorted(images_of)]
        self.identities_per_batch = identities_per_batch
        self.instances_per_identity = instances_per_identity
        self.seed = seed
        self.batch_size = identities_per_batch * instances_per_identity
        num_groups = sum(self._num_groups(images) for images in self._images)
        self.steps_per_epoch = -(-num_groups // identities_per_batch)
        self._groups = functools.lru_cache(maxsize=1)(self._make_groups)

    def __call__(self, step: int) -> np.ndarray:
        """Returns the record indices of a step, `(batch_size,)`."""
        epoch, step_of_epoch = divmod(int(step), self.steps_per_epoch)
        groups = self._groups(epoch)
        places = step_of_epoch * self.identities_per_batch + np.arange(self.identities_per_batch)
        return np.take(groups, places, axis=0, mode="wrap").reshape(-1)

    def _num_groups(self, images: Sequence[int]) -> int:
        # At most a batch's worth of groups of one identity, as published: some data sets have one of thousands.
        return min(max(1, len(images) // self.instances_per_identity), self.batch_size)

    def _make_groups(self, epoch: int) -> np.ndarray:
        """The groups of an epoch in their order, `(num_groups, K)`."""
        rng = np.random.default_rng([self.seed, _GROUPS, epoch])
        groups = []
        for images in self._images:
            missing = max(0, self.instances_per_identity - len(images))
            shuffled = rng.permutation([*images, *rng.choice(images, missing)])
            groups.append(np.resize(shuffled, (self._num_groups(images), self.instances_per_identity)))
        return rng.permutation(np.concatenate(groups))
