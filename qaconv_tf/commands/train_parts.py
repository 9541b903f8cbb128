"""The parts of a training run, as the flags describe them."""

import os

import numpy as np
import tensorflow as tf

from qaconv_tf import model as models
from qaconv_tf.backbones import build_backbone, initialize_neck_with_pca
from qaconv_tf.commands.program import FLAGS
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.evaluator import extract_feature_maps
from qaconv_tf.evaluation.reranking import rerank
from qaconv_tf.matching import QAConv
from qaconv_tf.matching.calibration import calibrate
from qaconv_tf.matching.distance_matrix import distances_among
from qaconv_tf.matching.score_matrix import Engine, chosen_engine
from qaconv_tf.pipeline import (
    Augmentation,
    GraphSampler,
    GroupSampler,
    IdentitySampler,
    RandomSampler,
    evaluation_batches,
    read_image,
)
from qaconv_tf.training import CoupledSGD, Trainer
from qaconv_tf.training.schedules import dynamic_schedule

# Enough for the 416 channels of the default levels: 128 images have 16,384 locations.
_PCA_IMAGES = 128
_CALIBRATION_IDENTITIES, _CALIBRATION_IMAGES = 64, 4


def make_model(records, seed):
    """Returns the `MatchingModel` that training starts from.

    Args:
        records: training `ImageRecord`s, of which some make the first weights of the neck.
        seed: int. Of the random weights.
    """
    if FLAGS.initial_model:
        model = models.load_model(FLAGS.initial_model)
        model.matcher.tile_bytes = FLAGS.tile_bytes
    else:
        model = models.MatchingModel(_make_backbone(records, seed), _make_matcher(seed))
    for name in ("scale", "offset"):
        if FLAGS[f"score_{name}"].value is not None:
            getattr(model.matcher.score_normalization, name).assign(FLAGS[f"score_{name}"].value)
    return model


def _make_backbone(records, seed):
    backbone = build_backbone(
        FLAGS.backbone,
        weights=None if FLAGS.weights == "none" else FLAGS.weights,
        image_height=FLAGS.image_height,
        image_width=FLAGS.image_width,
        levels=whole_numbers("levels"),
        ibn=FLAGS.ibn,
        neck_channels=FLAGS.neck_channels or None,
        neck_kernel_size=FLAGS.neck_kernel_size,
        neck_batch_norm=FLAGS.neck_batch_norm,
        normalize_levels=FLAGS.normalize_levels,
        normalize_input=FLAGS.normalize_input,
        seed=seed,
        dtype="mixed_bfloat16" if FLAGS.mixed_bfloat16 else "float32",
    )
    if FLAGS.neck_init == "pca" and FLAGS.neck_channels:
        print(f"first weights of the neck: principal components of {_PCA_IMAGES} images", flush=True)
        chosen = np.random.default_rng([seed, len(records)]).permutation(len(records))[:_PCA_IMAGES]
        size = backbone.image_height, backbone.image_width
        initialize_neck_with_pca(backbone, np.stack([read_image(records[index].path, *size) for index in chosen]))
    return backbone


def _make_matcher(seed):
    return QAConv(
        FLAGS.head,
        weight_init=FLAGS.weight_init,
        trainable_scales=FLAGS.trainable_scales,
        scale_floor=FLAGS.scale_floor,
        tile_bytes=FLAGS.tile_bytes,
        seed=seed,
    )


def make_trainer(model, num_classes):
    """Returns a compiled `Trainer` of a model."""
    trainer = Trainer(
        model,
        loss=FLAGS.loss,
        num_classes=num_classes,
        unseen=FLAGS.unseen,
        memory_chunk=FLAGS.memory_chunk,
        nearest_classes=FLAGS.nearest_classes,
        margin=FLAGS.margin,
        gamma=FLAGS.gamma,
        freeze_batch_norm=FLAGS.freeze_batch_norm,
        frozen_stride=FLAGS.frozen_stride,
        clip_norm=FLAGS.clip_norm,
        skip_nonfinite=FLAGS.skip_nonfinite,
        engine=training_engine().name,
        softmax_scale=FLAGS.softmax_scale,
        seed=FLAGS.seed,
    )
    if FLAGS.epochs and not model.trainable_variables:
        raise UserError(f"Expected a model with something to train. Received: --frozen_stride={FLAGS.frozen_stride}")
    optimizer = CoupledSGD(
        FLAGS.learning_rate,
        momentum=FLAGS.momentum,
        coupled_decay=FLAGS.weight_decay,
        slow_variables=model.backbone.body.trainable_variables,
        slow_factor=FLAGS.backbone_factor,
    )
    trainer.compile(optimizer, jit_compile=FLAGS.jit_backbone)
    return trainer


def training_engine():
    """Returns the `Engine` that matches in a step: the native one only where TensorFlow runs steps on the processor.

    Raises:
        UserError: if that contradicts `--engine=native`.
    """
    engine = chosen_engine(FLAGS.engine)
    reasons = {"--jit_backbone": FLAGS.jit_backbone, "a GPU": tf.config.list_physical_devices("GPU")}
    against = [reason for reason, holds in reasons.items() if holds]
    if engine.name == "xla" or not against:
        return engine
    if FLAGS.engine == "native":
        raise UserError(f"Expected --engine=xla or auto with {against[0]}. Received: --engine=native")
    return Engine("xla", "fp32", None, f"steps with {against[0]}")


def make_augmentation():
    """Returns the `Augmentation`."""
    names = (
        "flip", "pad", "rotation_degrees", "rotation_interpolation", "hue", "shuffle_colors", "occlusion_probability",
        "occlusion_min_size", "occlusion_max_size",
    )  # fmt: skip
    factors = {name: _factor(name) for name in ("brightness", "contrast", "saturation")}
    return Augmentation(**{name: FLAGS[name].value for name in names}, **factors)


def _factor(name):
    try:
        numbers = [float(text) for text in FLAGS[name].value]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        received = f"--{name}={','.join(FLAGS[name].value)}"
        raise UserError(f"Expected an amount, or a lowest and a highest factor such as 0.5,2.0. Received: {received}")
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def make_sampler(records, labels, seed, distances, save_graph=lambda epoch, graph: None):
    """Returns a function from an epoch and its first step to the sampler of its steps.

    Args:
        records: training `ImageRecord`s.
        labels: ints, one a record.
        seed: int.
        distances: callable, see `GraphSampler`; used for `--sampler=graph` only.
        save_graph: callable, given an epoch and its `EpochGraph`. Defaults to doing nothing.
    """
    _check_batch()
    groups = (labels, FLAGS.identities_per_batch, FLAGS.instances_per_identity)
    if FLAGS.sampler == "graph":
        of_groups, of_graph = GroupSampler(*groups, seed), GraphSampler(*groups, seed, distances)

        def of_epoch(epoch, first_step):
            if epoch < FLAGS.group_epochs:
                return of_groups
            graph = of_graph.epoch(epoch, first_step)
            save_graph(epoch, graph)
            return graph

        return of_epoch
    if FLAGS.sampler == "random":
        sampler = RandomSampler(len(records), FLAGS.identities_per_batch * FLAGS.instances_per_identity, seed)
    else:
        sampler = IdentitySampler(labels, [record.camera for record in records], *groups[1:], seed)
    return lambda epoch, first_step: sampler


def _check_batch():
    """Refuses batches from which the losses between their images cannot learn; they would be 0, or not a number."""
    least = min(FLAGS.identities_per_batch, FLAGS.instances_per_identity)
    if FLAGS.loss not in ("class_memory", "pooled_softmax") and FLAGS.sampler != "random" and least < 2:
        raise UserError(
            f"Expected a batch of 2 or more images of 2 or more identities for --loss={FLAGS.loss}. Received: "
            f"--identities_per_batch={FLAGS.identities_per_batch} "
            f"--instances_per_identity={FLAGS.instances_per_identity}"
        )


def make_distances(trainer, records):
    """Returns the distance function of graph sampling: of records, by the model as it is when the function is called.

    The distance of two images is 1 - probability; with `--graph_rerank` it is re-ranked among all of them.
    """
    model = trainer.model
    size = model.backbone.image_height, model.backbone.image_width

    def distances(indices):
        images = evaluation_batches([records[index] for index in indices], *size, FLAGS.evaluation_batch_size)
        # By the trainer, which keeps its compiled function from epoch to epoch.
        maps = trainer.predict(images, verbose=0)
        among = distances_among(model.matcher, maps)
        return reranked(among) if FLAGS.graph_rerank else among

    return distances


def reranked(distances):
    """Re-ranks images among themselves, as QAConv 2.0 does: each is a query, and once more in the gallery.

    Bit for bit as there. The official sampler takes an image's column of the distances everywhere, which with a
    `"split"` head is not its row.

    Args:
        distances: float32 `(n, n)`, the row's image as query.

    Returns:
        float32 `(n, n)`.
    """
    # An image's own distances are a row in the tables of queries with gallery, hence the transposed.
    return rerank(distances.T, distances, distances, gallery_query=distances.T)


def save_graph(path, graph, records):
    """Writes an `EpochGraph` for inspection as an npz file.

    Its arrays, a row for each identity: `identities` and `images` (of its representative) as text, `neighbors` (rows of
    the nearest identities, the nearest first) and `distances`.
    """
    chosen = [records[index] for index in graph.representatives]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    np.savez_compressed(
        path,
        identities=np.array([str(record.identity) for record in chosen]),
        images=np.array([os.fspath(record.path) for record in chosen]),
        neighbors=graph.neighbors,
        distances=graph.distances,
    )


def calibrate_model(model, records, labels):
    """Fits temperature and offset of a model's scores to pairs of training images, a few of some identities."""
    rng = np.random.default_rng(FLAGS.seed)
    identities = rng.permutation(np.unique(labels))[:_CALIBRATION_IDENTITIES]
    chosen = [rng.permutation(np.flatnonzero(labels == identity))[:_CALIBRATION_IMAGES] for identity in identities]
    indices = np.concatenate(chosen)
    maps = extract_feature_maps(model, [records[index] for index in indices], FLAGS.evaluation_batch_size)
    try:
        calibrate(model.matcher, maps, labels[indices])
    except ValueError as error:
        print(f"probabilities stay as they are: {error}")
    else:
        temperature = float(model.matcher.temperature)
        print(f"probabilities fitted to pairs of training images: temperature {temperature:.3f}")


def schedule(history):
    """Returns after how many epochs the rate decays, and how many epochs there will be, as far as is known."""
    if FLAGS.dynamic_factor:
        return dynamic_schedule(history.losses, FLAGS.dynamic_factor, FLAGS.epochs)
    return whole_numbers("decay_epochs"), FLAGS.epochs


def check_flags():
    """Checks what no single flag shows, before any work is done.

    Raises:
        UserError: if `--decay_epochs` are not numbers of epochs in rising order, or flags exclude each other.
    """
    if FLAGS.pretrain_trials and FLAGS.sampler == "graph":
        raise UserError("Expected --sampler=random or identity with --pretrain_trials. Received: --sampler=graph")
    batch = FLAGS.identities_per_batch * FLAGS.instances_per_identity
    if FLAGS.loss == "class_memory" and 0 < FLAGS.nearest_classes < batch:
        raise UserError(
            f"Expected --nearest_classes of at least the {batch} images of a batch, or 0. Received: "
            f"--nearest_classes={FLAGS.nearest_classes}"
        )
    epochs = whole_numbers("decay_epochs")
    if any(later <= earlier for earlier, later in zip([0, *epochs], epochs, strict=False)):
        raise UserError(f"Expected epochs from 1 on, each later than the last. Received: --decay_epochs={epochs}")


def whole_numbers(flag):
    """Returns the numbers of a flag that is a list.

    Raises:
        UserError: if one is no whole number.
    """
    try:
        return [int(text) for text in FLAGS[flag].value]
    except ValueError as error:
        received = f"--{flag}={','.join(FLAGS[flag].value)}"
        raise UserError(f"Expected whole numbers, separated by commas. Received: {received}") from error
