"""`train.py`: trains a model, evaluates it, exports it and writes the run folder."""

import os
import time

import keras
import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from qaconv_tf import model as models
from qaconv_tf.backbones import build_backbone, initialize_neck_with_pca
from qaconv_tf.commands import evaluation
from qaconv_tf.commands.program import FLAGS, flag_values, flags_text, require_flag
from qaconv_tf.commands.progress import progress_bar
from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.datasets import training_labels
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.evaluator import extract_feature_maps
from qaconv_tf.export import export_saved_model
from qaconv_tf.matching import QAConv
from qaconv_tf.pipeline import Augmentation, IdentitySampler, RandomSampler, read_image, training_batches
from qaconv_tf.training import CheckpointEachEpoch, Checkpoints, CoupledSGD, EpochHistory, Trainer
from qaconv_tf.training.callbacks import HealthCheck, ProgressBar, TensorBoardLog, log_images
from qaconv_tf.training.schedules import RecordEpoch, learning_rate

# Enough for the 416 channels of the default levels: 128 images have 16,384 locations.
_PCA_IMAGES = 128
_TUNED_FLAGS = (
    "loss", "learning_rate", "backbone_factor", "margin", "gamma", "identities_per_batch", "instances_per_identity",
    "weight_decay", "epochs", "seed",
)


def main():
    """Trains by the flags."""
    folder = RunFolder(require_flag("run_dir"))
    folder.check(flags_text("train"), FLAGS.resume)
    if FLAGS.evaluate_every:
        require_flag("test_datasets")
    records = evaluation.open_training_set(FLAGS.dataset, FLAGS.data_dir).train
    evaluators = evaluation.open_evaluators(FLAGS.test_datasets, FLAGS.data_dir, FLAGS.evaluation_batch_size)
    labels, identities = training_labels(records)
    sampler, augmentation = _sampler(records, labels), _augmentation()
    model = _first_model(records)
    for name in ("scale", "offset"):
        if FLAGS[f"score_{name}"].value is not None:
            getattr(model.matcher.score_normalization, name).assign(FLAGS[f"score_{name}"].value)
    trainer, decay_epochs = _trainer(model, len(identities)), _decay_epochs()
    if not FLAGS.resume:
        folder.start(flags_text("train"))
    print(f"{len(records)} training images of {len(identities)} identities; writing to {folder.path}", flush=True)
    history = EpochHistory()
    checkpoints = Checkpoints(folder.checkpoints, trainer, history)
    first_step = checkpoints.restore()
    if history.epochs > FLAGS.epochs:
        raise UserError(f"Expected --epochs that end after step {first_step}. Received: --epochs={FLAGS.epochs}")
    if history.epochs == FLAGS.epochs and os.path.exists(folder.model):
        print(f"nothing left to train: the run has ended at step {first_step}; more --epochs would continue it")
        return
    if first_step == 0 and trainer.memory is not None and FLAGS.fill_memory:
        _fill_memory(trainer, records, labels)
    source = (records, labels, sampler, augmentation)
    training = _fit(trainer, folder, checkpoints, history, decay_epochs, source, evaluators)
    _finish(model, folder, training, evaluators)


def _sampler(records, labels):
    _check_batch()
    if FLAGS.sampler == "random":
        batch_size = FLAGS.identities_per_batch * FLAGS.instances_per_identity
        return RandomSampler(len(records), batch_size, FLAGS.seed)
    cameras = [record.camera for record in records]
    return IdentitySampler(labels, cameras, FLAGS.identities_per_batch, FLAGS.instances_per_identity, FLAGS.seed)


def _check_batch():
    """Refuses batches from which the losses between their images cannot learn; they would be 0, or not a number."""
    least = min(FLAGS.identities_per_batch, FLAGS.instances_per_identity)
    if FLAGS.loss != "class_memory" and FLAGS.sampler == "identity" and least < 2:
        raise UserError(
            f"Expected a batch of 2 or more images of 2 or more identities for --loss={FLAGS.loss}. Received: "
            f"--identities_per_batch={FLAGS.identities_per_batch} "
            f"--instances_per_identity={FLAGS.instances_per_identity}"
        )


def _augmentation():
    names = (
        "flip", "pad", "rotation_degrees", "brightness", "contrast", "saturation", "hue", "occlusion_probability",
        "occlusion_max_size",
    )
    return Augmentation(**{name: FLAGS[name].value for name in names})


def _first_model(records):
    if FLAGS.initial_model:
        model = models.load_model(FLAGS.initial_model)
        model.matcher.tile_bytes = FLAGS.tile_bytes
        return model
    backbone = build_backbone(
        FLAGS.backbone,
        weights=None if FLAGS.weights == "none" else FLAGS.weights,
        image_height=FLAGS.image_height,
        image_width=FLAGS.image_width,
        levels=_whole_numbers("levels"),
        ibn=FLAGS.ibn,
        neck_channels=FLAGS.neck_channels or None,
        neck_kernel_size=FLAGS.neck_kernel_size,
        neck_batch_norm=FLAGS.neck_batch_norm,
        normalize_input=FLAGS.normalize_input,
        seed=FLAGS.seed,
        dtype="mixed_bfloat16" if FLAGS.mixed_bfloat16 else "float32",
    )
    if FLAGS.neck_init == "pca" and FLAGS.neck_channels:
        print(f"first weights of the neck: principal components of {_PCA_IMAGES} images", flush=True)
        chosen = np.random.default_rng([FLAGS.seed, len(records)]).permutation(len(records))[:_PCA_IMAGES]
        size = backbone.image_height, backbone.image_width
        initialize_neck_with_pca(backbone, np.stack([read_image(records[index].path, *size) for index in chosen]))
    matcher = QAConv(FLAGS.head, trainable_scales=FLAGS.trainable_scales, tile_bytes=FLAGS.tile_bytes)
    return models.MatchingModel(backbone, matcher)


def _trainer(model, num_classes):
    trainer = Trainer(
        model,
        loss=FLAGS.loss,
        num_classes=num_classes,
        unseen=FLAGS.unseen,
        margin=FLAGS.margin,
        gamma=FLAGS.gamma,
        freeze_batch_norm=FLAGS.freeze_batch_norm,
        frozen_stride=FLAGS.frozen_stride,
        clip_norm=FLAGS.clip_norm,
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


def _decay_epochs():
    epochs = _whole_numbers("decay_epochs")
    if any(later <= earlier for earlier, later in zip([0, *epochs], epochs, strict=False)):
        raise UserError(f"Expected epochs from 1 on, each later than the last. Received: --decay_epochs={epochs}")
    return epochs


def _whole_numbers(flag):
    try:
        return [int(text) for text in FLAGS[flag].value]
    except ValueError as error:
        received = f"--{flag}={','.join(FLAGS[flag].value)}"
        raise UserError(f"Expected whole numbers, separated by commas. Received: {received}") from error


def _fit(trainer, folder, checkpoints, history, decay_epochs, source, evaluators):
    first_step = int(trainer.optimizer.iterations)
    writer = tf.summary.create_file_writer(folder.tensorboard)
    _log_settings(writer, trainer.model)
    started = time.perf_counter()
    with progress_bar() as progress:
        bar = ProgressBar(progress)
        callbacks = [
            HealthCheck(FLAGS.margin or None if FLAGS.loss == "triplet" else None),
            TensorBoardLog(writer),
            bar,
            RecordEpoch(history),
            CheckpointEachEpoch(checkpoints),
            *_validation(trainer, evaluators, writer),
        ]
        while history.epochs < FLAGS.epochs:
            _fit_epoch(trainer, history.epochs, decay_epochs, source, callbacks, writer, bar)
    seconds = time.perf_counter() - started
    writer.close()
    last_step = int(trainer.optimizer.iterations)
    return {"first_step": first_step, "last_step": last_step, "seconds": seconds, "seed": FLAGS.seed}


def _fit_epoch(trainer, epoch, decay_epochs, source, callbacks, writer, bar):
    records, labels, sampler, augmentation = source
    step, steps = int(trainer.optimizer.iterations), FLAGS.steps_per_epoch or sampler.steps_per_epoch
    size = trainer.model.backbone.image_height, trainer.model.backbone.image_width
    batches = training_batches(records, labels, sampler, augmentation, *size, seed=FLAGS.seed, start_step=step)
    if epoch == 0:
        log_images(writer, batches, step)
    bar.expect(step + (FLAGS.epochs - epoch) * steps)
    trainer.optimizer.learning_rate = learning_rate(epoch, FLAGS.learning_rate, decay_epochs, FLAGS.decay_factor)
    trainer.fit(
        batches, initial_epoch=epoch, epochs=epoch + 1, steps_per_epoch=steps, shuffle=False, verbose=0,
        callbacks=callbacks,
    )


def _fill_memory(trainer, records, labels):
    _, first_of_class = np.unique(labels, return_index=True)
    print("filling the class memory with an image of each class", flush=True)
    chosen = [records[index] for index in first_of_class]
    maps = extract_feature_maps(trainer.model, chosen, FLAGS.evaluation_batch_size)
    trainer.memory.update(maps, labels[first_of_class])


def _log_settings(writer, model):
    with writer.as_default(0):
        rows = "\n".join(f"| {line.replace('|', ' ')} |" for line in flags_text("train").splitlines())
        tf.summary.text("flags", f"| flag |\n|---|\n{rows}")
        # An --initial_model brings its own head and size, whatever the flags say.
        of_model = {
            "head": model.matcher.head,
            "trainable_scales": model.matcher.trainable_scales,
            "image_height": model.backbone.image_height,
            "image_width": model.backbone.image_width,
        }
        hparams.hparams({name: FLAGS[name].value for name in _TUNED_FLAGS} | of_model)


def _validation(trainer, evaluators, writer):
    """The callback that evaluates now and then; built here, so that training need not know of evaluation."""
    if not FLAGS.evaluate_every:
        return []

    def evaluate(epoch, logs):
        if (epoch + 1) % FLAGS.evaluate_every == 0:
            results = [evaluator.evaluate(trainer.model) for evaluator in evaluators]
            _log_evaluations(writer, int(trainer.optimizer.iterations), results)

    return [keras.callbacks.LambdaCallback(on_epoch_end=evaluate)]


def _log_evaluations(writer, step, results):
    with writer.as_default(step):
        for result in results:
            for key in ("rank1", "mAP", "mINP"):
                tf.summary.scalar(f"evaluation/{result.dataset}/{key}", getattr(result.ranking, key))
    writer.flush()


def _finish(model, folder, training, evaluators):
    """Writes everything that a finished run leaves behind."""
    _save(model, folder.model)
    if FLAGS.export:
        print("exporting the SavedModel", flush=True)
        export_saved_model(model, folder.saved_model)
    sections = evaluation.evaluate_model(model, evaluators)
    if sections:
        writer = tf.summary.create_file_writer(folder.tensorboard)
        _log_evaluations(writer, training["last_step"], [section.result for section in sections])
        writer.close()
        evaluation.print_table(sections)
    run_facts = {"model": folder.model, "training": training, "flags": flag_values("train")}
    evaluation.write_results(folder, sections, run_facts, training)
    print(f"model: {folder.model}   TensorBoard: tensorboard --logdir {folder.tensorboard}")


def _save(model, path):
    """Saves beside the place first: a run that is stopped while it writes keeps the model it had."""
    partial = f"{path.removesuffix('.keras')}.partial.keras"
    model.save(partial)
    os.replace(partial, path)
