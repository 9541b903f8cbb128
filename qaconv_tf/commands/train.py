"""`train.py`: trains a model, evaluates it, exports it and writes the run folder."""

import contextlib
import functools
import os
import time

import keras
import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from qaconv_tf.commands import evaluation, train_parts
from qaconv_tf.commands.evaluation_log import log_evaluation
from qaconv_tf.commands.program import FLAGS, flag_values, flags_text, require_flag
from qaconv_tf.commands.progress import progress_bar
from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.datasets import training_labels
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.evaluator import extract_feature_maps
from qaconv_tf.export import export_saved_model
from qaconv_tf.folder_lock import folder_lock
from qaconv_tf.pipeline import training_batches
from qaconv_tf.pipeline.augmentation import Augmentation
from qaconv_tf.training import CheckpointEachEpoch, Checkpoints, EpochHistory
from qaconv_tf.training.callbacks import HealthCheck, ProgressBar, TensorBoardLog, log_images
from qaconv_tf.training.pooled_classifier import pooled
from qaconv_tf.training.pretraining import pretrain
from qaconv_tf.training.schedules import RecordEpoch, augments, learning_rate

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
    train_parts.check_flags()
    records = evaluation.open_training_set(FLAGS.dataset, FLAGS.data_dir).train
    evaluators = evaluation.open_evaluators(FLAGS.test_datasets, FLAGS.data_dir, FLAGS.evaluation_batch_size)
    # A run to resume is held before its checkpoints are looked at; a new one has no folder before it can begin.
    with folder_lock(folder.path) if FLAGS.resume else contextlib.nullcontext():
        run = _Run(folder, records)
        for evaluator in evaluators:
            evaluator.plan(run.trainer.model.backbone, ("matching",), reranking=False, lifting=False)
        if FLAGS.resume:
            _train(run, evaluators)
            return
    folder.start(flags_text("train"))
    with folder_lock(folder.path):
        _train(run, evaluators)


def _train(run, evaluators):
    records, folder = run.records, run.folder
    print(f"{len(records)} training images of {run.num_classes} identities; writing to {folder.path}", flush=True)
    resumes = run.checkpoints.restore() is not None
    last_step, (_, last_epoch) = run.step, train_parts.schedule(run.history)
    if run.history.epochs > last_epoch:
        raise UserError(f"Expected --epochs that end after step {last_step}. Received: --epochs={FLAGS.epochs}")
    # By its results, which are written last: a run that was stopped while it exported is not finished.
    sessions = folder.read_results()["training"]
    ended = os.path.exists(folder.model) and any(session["last_step"] == last_step for session in sessions)
    if run.history.epochs == last_epoch and ended:
        advice = "; more --epochs would continue it" if last_epoch == FLAGS.epochs else ""
        print(f"nothing left to train: the run has ended at step {last_step}{advice}")
        return
    if not resumes:
        run.prepare()
    training = run.fit(evaluators)
    if FLAGS.calibrate and run.step and not run.trainer.model.matcher.trainable_scales:
        train_parts.calibrate_model(run.trainer.model, records, run.labels)
    _finish(run.trainer.model, folder, training, evaluators)


class _Run:
    """A training run: its trainer, what that is fed with, and how its epochs went."""

    def __init__(self, folder, records):
        self.folder = folder
        self.records = records
        self.labels, identities = training_labels(records)
        self.num_classes = len(identities)
        self.augmentation = train_parts.make_augmentation()
        model = train_parts.make_model(records, FLAGS.seed)
        self.trainer = train_parts.make_trainer(model, self.num_classes)
        self.distances = train_parts.make_distances(self.trainer, records)
        self.sampler_of = train_parts.make_sampler(records, self.labels, FLAGS.seed, self.distances, self._save_graph)
        self.history = EpochHistory()
        self.checkpoints = Checkpoints(folder.checkpoints, self.trainer, self.history)
        self._shown = None

    @property
    def step(self):
        """How many steps have been taken."""
        return int(self.trainer.optimizer.iterations)

    def prepare(self):
        """What comes before the first step; with a checkpoint of it, where it took long."""
        if FLAGS.pretrain_trials:
            self._pretrain()
            self.checkpoints.save()
        elif FLAGS.fill_memory and (self.trainer.memory or self.trainer.classifier):
            _fill_classes(self.trainer, self.records, self.labels)

    def _pretrain(self):
        rate, augmentation = self._rate_and_augmentation()
        self.trainer.optimizer.learning_rate = rate
        seeds = np.random.default_rng(FLAGS.seed).integers(2**31, size=FLAGS.pretrain_trials).tolist()
        steps = min(FLAGS.pretrain_steps, FLAGS.pretrain_epochs * self.sampler_of(0, 0).steps_per_epoch)

        def batches(trial):
            sampler_of = train_parts.make_sampler(self.records, self.labels, seeds[trial], self.distances)
            return self._batches(sampler_of(0, 0), augmentation, seeds[trial], 0, steps)

        def first_weights(trial):
            return [variable.numpy() for variable in train_parts.make_model(self.records, seeds[trial]).variables]

        with progress_bar() as progress:

            def callbacks(trial):
                bar = ProgressBar(progress, f"trial {trial + 1} of {FLAGS.pretrain_trials}")
                bar.expect(steps)
                return [bar]

            trials, best = pretrain(
                self.trainer, FLAGS.pretrain_trials, steps, first_weights, batches, callbacks
            )
        print(f"going on from trial {best + 1}: loss {trials[best].loss:.3f}, accuracy {trials[best].accuracy:.3f}")

    def fit(self, evaluators):
        """Trains epoch by epoch; returns figures of this session for results.json."""
        first_step, engine = self.step, train_parts.training_engine()
        print(f"matching: engine {engine}", flush=True)
        writer = tf.summary.create_file_writer(self.folder.tensorboard)
        _log_settings(writer, self.trainer.model)
        started = time.perf_counter()
        with progress_bar() as progress:
            bar = ProgressBar(progress)
            callbacks = [
                HealthCheck(self.trainer.margin or None),
                TensorBoardLog(writer),
                bar,
                RecordEpoch(self.history),
                CheckpointEachEpoch(self.checkpoints),
                *_validation(self.trainer, evaluators, writer, self.folder.tensorboard),
            ]
            while self.history.epochs < train_parts.schedule(self.history)[1]:
                self._fit_epoch(callbacks, writer, bar)
        seconds = time.perf_counter() - started
        writer.close()
        steps = {"first_step": first_step, "last_step": self.step, "seconds": seconds, "seed": FLAGS.seed}
        return steps | {"engine": engine.name, "kernel": engine.kernel}

    def _fit_epoch(self, callbacks, writer, bar):
        epoch, step = self.history.epochs, self.step
        sampler = self.sampler_of(epoch, step)
        steps = FLAGS.steps_per_epoch or sampler.steps_per_epoch
        rate, augmentation = self._rate_and_augmentation()
        batches = self._batches(sampler, augmentation, FLAGS.seed, step, steps)
        if epoch == 0:
            log_images(writer, batches, step)
        bar.expect(step + (train_parts.schedule(self.history)[1] - epoch) * steps)
        changes = "augmented" if augmentation == self.augmentation else "as they are"
        self._show(bar.progress.console, f"epoch {epoch + 1}: ", f"learning rate {rate:g}, images {changes}")
        self.trainer.optimizer.learning_rate = rate
        if 0 < FLAGS.freeze_statistics_after <= epoch:
            self.trainer.freeze_statistics()
        self.trainer.fit(
            batches, initial_epoch=epoch, epochs=epoch + 1, steps_per_epoch=steps, shuffle=False, verbose=0,
            callbacks=callbacks,
        )

    def _show(self, console, when, what):
        if what != self._shown:
            console.print(f"{when}{what}", highlight=False, soft_wrap=True)
            self._shown = what

    def _rate_and_augmentation(self):
        """Of the next epoch."""
        decay_epochs, _ = train_parts.schedule(self.history)
        rate = learning_rate(self.history.epochs, FLAGS.learning_rate, decay_epochs, FLAGS.decay_factor)
        augmented = augments(self.history.accuracies, FLAGS.augment_above)
        return rate, self.augmentation if augmented else Augmentation.none()

    def _batches(self, sampler, augmentation, seed, first_step, steps):
        size = self.trainer.model.backbone.image_height, self.trainer.model.backbone.image_width
        batches = training_batches(
            self.records, self.labels, sampler, augmentation, *size, seed=seed, start_step=first_step
        )
        # No more than these: the batches of the next epoch may depend on what this one does to the model.
        return batches.take(steps)

    def _save_graph(self, epoch, graph):
        if FLAGS.save_graph:
            path = os.path.join(self.folder.path, "graph", f"epoch_{epoch + 1:04d}.npz")
            train_parts.save_graph(path, graph, self.records)


def _fill_classes(trainer, records, labels):
    _, first_of_class = np.unique(labels, return_index=True)
    print("every class starts as one of its images", flush=True)
    chosen = [records[index] for index in first_of_class]
    maps = extract_feature_maps(trainer.model, chosen, FLAGS.evaluation_batch_size)
    if trainer.memory is not None:
        trainer.memory.update(maps, labels[first_of_class])
    else:
        trainer.classifier.centers.assign(pooled(maps))


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
        values = {name: FLAGS[name].value for name in _TUNED_FLAGS}
        # A margin that is not given is that of the loss.
        hparams.hparams({name: value for name, value in values.items() if value is not None} | of_model)


def _validation(trainer, evaluators, writer, folder):
    """The callback that evaluates now and then; built here, so that training need not know of evaluation."""
    if not FLAGS.evaluate_every:
        return []

    def evaluate(epoch, logs):
        if (epoch + 1) % FLAGS.evaluate_every == 0:
            for evaluator in evaluators:
                maps = []
                results = evaluator.evaluate_each(trainer.model, ("matching",), on_maps=maps.append)
                step = int(trainer.optimizer.iterations)
                log_evaluation(writer, folder, step, trainer.model.matcher, evaluator.dataset, maps[0], results)

    return [keras.callbacks.LambdaCallback(on_epoch_end=evaluate)]


def _finish(model, folder, training, evaluators):
    """Writes everything that a finished run leaves behind."""
    _save(model, folder.model)
    if FLAGS.export:
        print("exporting the SavedModel", flush=True)
        export_saved_model(model, folder.saved_model)
    sections = []
    if evaluators:
        writer = tf.summary.create_file_writer(folder.tensorboard)
        log = functools.partial(log_evaluation, writer, folder.tensorboard, training["last_step"], model.matcher)
        sections = evaluation.evaluate_model(model, evaluators, on_evaluated=log)
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
