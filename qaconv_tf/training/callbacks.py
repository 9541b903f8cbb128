"""What happens beside the steps of a training run: health, curves, progress."""

import keras
import numpy as np
import tensorflow as tf

from qaconv_tf.errors import UserError


class HealthCheck(keras.callbacks.Callback):
    """Stops a run whose loss or gradient is no longer finite, or whose loss is stuck at the margin of a triplet loss.

    A triplet loss of exactly its margin means that all scores are equal: the matcher's learned scale, for want of a
    floor, has shrunk to nothing, and no gradient is left to bring it back.

    Args:
        margin: float or None. The triplet loss's margin; `None` for other losses. Defaults to `None`.
        patience: int. Steps in a row that the loss may stay at the margin; or that may be not finite, if the trainer
            skips such steps (else there may be none). Defaults to `20`.

    Raises:
        UserError: naming the step.
    """

    def __init__(self, margin=None, patience=20):
        super().__init__()
        self.margin = margin
        self.patience = patience
        self._stuck = self._skipped = 0

    def on_train_batch_end(self, batch, logs=None):
        """Checks one step."""
        step = int(self.model.optimizer.iterations)
        bad = [name for name in ("loss", "gradient_norm") if not np.isfinite(logs[name])]
        self._skipped = self._skipped + 1 if bad else 0
        if bad and self._skipped >= (self.patience if self.model.skip_nonfinite else 1):
            raise UserError(
                f"Expected a finite {bad[0]}. Received: {bad[0]}={logs[bad[0]]} at step {step}. Start another run "
                "with a lower --learning_rate; the last checkpoint is as it was"
            )
        at_margin = self.margin is not None and abs(logs["loss"] - self.margin) < 1e-3
        self._stuck = self._stuck + 1 if at_margin else 0
        if self._stuck >= self.patience:
            raise UserError(
                f"Expected a loss that moves. Received: loss={logs['loss']:.4f}, the margin, for {self._stuck} steps "
                f"up to step {step}: all scores are equal. Start another run "
                "with --scale_floor=1, the matcher's scales frozen (--notrainable_scales) or a lower --learning_rate"
            )


class TensorBoardLog(keras.callbacks.Callback):
    """Writes the curves of a run for TensorBoard, by step.

    Loss, accuracy, gradient norm and learning rates; with a class memory its fill, and mean and histogram of the ages
    of its entries.

    Args:
        writer: a `tf.summary` writer.
        every: int. Steps between two points of a curve. Defaults to `10`.
    """

    def __init__(self, writer, every=10):
        super().__init__()
        self.writer = writer
        self.every = every

    def on_train_batch_end(self, batch, logs=None):
        """Writes the curves' points."""
        step = int(self.model.optimizer.iterations)
        if step % self.every and step != 1:
            return
        rate = float(self.model.optimizer.learning_rate)
        with self.writer.as_default(step):
            for name, value in logs.items():
                tf.summary.scalar(f"train/{name}", value)
            tf.summary.scalar("train/learning_rate", rate)
            tf.summary.scalar("train/learning_rate_backbone", rate * self.model.optimizer.slow_factor)

    def on_epoch_begin(self, epoch, logs=None):
        """Writes the ages of the memory's entries."""
        memory = self.model.memory
        if memory is not None and np.any(memory.filled):
            with self.writer.as_default(int(self.model.optimizer.iterations)):
                tf.summary.histogram("train/memory_ages", memory.ages.numpy()[memory.filled.numpy()])


def log_images(writer, batches, step):
    """Writes the first pictures of a dataset of training batches, as augmented, for TensorBoard.

    Args:
        writer: a `tf.summary` writer.
        batches: the `tf.data.Dataset`.
        step: int. Of the run.
    """
    images, _ = next(iter(batches))
    with writer.as_default(step):
        tf.summary.image("train/images", images, max_outputs=16)


class ProgressBar(keras.callbacks.Callback):
    """Shows the step, the loss and the time left in the terminal.

    Args:
        progress: a started `rich.progress.Progress` with a field `note`.
        name: str. What the bar is called. Defaults to `"training"`.
    """

    def __init__(self, progress, name="training"):
        super().__init__()
        self.progress = progress
        self.task = progress.add_task(name, total=None, note="")

    def expect(self, total_steps):
        """Says how many steps there will be in all, as far as is known."""
        self.progress.update(self.task, total=total_steps)

    def on_train_batch_end(self, batch, logs=None):
        """Moves the bar."""
        note = f"loss {logs['loss']:.3f}  accuracy {logs['accuracy']:.2f}"
        self.progress.update(self.task, completed=int(self.model.optimizer.iterations), note=note)

    def on_epoch_end(self, epoch, logs=None):
        """Prints a line an epoch, which a log file keeps and a terminal shows above the bar."""
        step = int(self.model.optimizer.iterations)
        curves = "  ".join(f"{name} {value:.3f}" for name, value in logs.items())
        self.progress.console.print(f"epoch {epoch + 1}, step {step}: {curves}", soft_wrap=True)
