"""Feature maps, labels and matcher weights that the golden scripts of matching and losses and their tests make alike.

NumPy only, and of seed 7, as `seeded.py`.
"""

import numpy as np

# Height, width and channels of the maps that the matcher gets: small ones, and those of 384 x 128 pixels.
MATCHING_SHAPES = {"small": (4, 3, 8), "published": (24, 8, 128)}
NUM_QUERY, NUM_GALLERY = 6, 5
# Name, training and seed of its forward and backward passes: evaluation has the moving statistics that training left.
PASSES = (("first", True, 10), ("second", True, 20), ("evaluation", False, 30))

# Of the maps that the losses get; and the seed of the first step's.
SHAPE, FIRST_SEED = (4, 3, 8), 100

# Chunks of two classes and a last one of one, the third without any sample until step 2; class 5 never has one, class 9
# from step 3. Each step has a class more than once.
NUM_CLASSES, CHUNK, FIRST_FILLED = 11, 2, (0, 1, 2, 3, 6, 7, 8, 10)
CLASS_BATCHES = ([0, 1, 1, 2, 8, 3], [1, 7, 6, 7, 0, 6], [3, 4, 8, 3, 3, 2], [9, 4, 4, 1, 0, 9], [8, 2, 7, 10, 8, 9])

# Of pairwise and triplet loss: two steps, of two and of four images an identity.
PAIR_BATCHES = ([5, 5, 0, 0, 9, 9, 2, 2], [4, 4, 4, 4, 1, 1, 1, 1])


def feature_maps(seed, number, shape):
    """Unit vectors, `(number, *shape)`, around a direction of each image's own and one of all: as a trained network's.

    Best cosines are of about 0.5; what an image's locations have in common keeps scores from averaging out to rounding.
    """
    random = np.random.default_rng([7, seed])
    common = np.random.default_rng(7).normal(size=shape[-1])
    maps = 1.2 * common + random.normal(size=(number, 1, 1, shape[-1])) + random.normal(size=(number, *shape))
    return (maps / np.linalg.norm(maps, axis=-1, keepdims=True)).astype(np.float32)


def matcher_tensors(num_weights):
    """Random tensors of an official matcher by their names, the moving statistics as if it had been trained."""
    random = np.random.default_rng([7, num_weights])
    tensors = {"fc.weight": random.uniform(0, 2 / num_weights, size=(1, num_weights)), "fc.bias": [random.normal()]}
    for norm, mean, variance in (("bn", 0.5, 0.01), ("logit_bn", 0.5, 0.5)):
        tensors |= {f"{norm}.weight": [random.uniform(0.5, 2)], f"{norm}.bias": [random.normal(scale=0.2)]}
        tensors |= {f"{norm}.running_mean": [mean * random.uniform(0.9, 1.1)]}
        tensors |= {f"{norm}.running_var": [variance * random.uniform(0.5, 1.5)]}
    return {name: np.asarray(value, np.float32) for name, value in tensors.items()}


def class_memory(num_classes, shape, filled):
    """A memory as after some training: maps of the `filled` classes, zeros of the others; and which are filled."""
    is_filled = np.isin(np.arange(num_classes), filled)
    return feature_maps(99, num_classes, shape) * is_filled[:, None, None, None], is_filled


# Five steps of training by each version's recipe: number of images a batch, of identities, and of images an identity if
# a batch holds whole groups. The batches of 2.0 and 2.1 are smaller than the published 64.
TRAINING_SIZE, NECK_CHANNELS, NUM_STEPS = (128, 64), 32, 5
TRAINING_BATCHES = {"v1.1": (8, 20, 1), "v1.2": (8, 20, 1), "v2.0": (16, 20, 4), "v2.1": (16, 20, 2)}
TRAINING_CHUNK, TRAINING_FILLED = 16, range(15)


def training_labels(tag):
    """Labels of all steps, `(NUM_STEPS, batch)`."""
    batch, num_classes, instances = TRAINING_BATCHES[tag]
    random = np.random.default_rng([7, batch, instances])
    replace = instances == 1
    groups = [random.choice(num_classes, batch // instances, replace=replace) for _ in range(NUM_STEPS)]
    return np.repeat(groups, instances, axis=1)
