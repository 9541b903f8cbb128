"""Checkpoints of a training run: everything that the next step depends on."""

import keras
import tensorflow as tf

from qaconv_tf.errors import UserError


class Checkpoints:
    """Saves and restores a `Trainer` with its optimizer and class memory.

    Sampler and augmentation are pure functions of seed and step, and the step is the optimizer's, so model, memory,
    optimizer and the history of epochs, from which schedules decide, are all the state there is: a run restored here
    continues bit by bit as if it had not stopped.

    Args:
        directory: str. Folder of the checkpoints.
        trainer: a compiled `Trainer`.
        history: `EpochHistory`, which the run adds to.
        keep: int. How many of the newest checkpoints to keep. Defaults to `3`.

    Example:
        >>> import tempfile
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.training import Checkpoints, CoupledSGD, EpochHistory, Trainer
        >>> trainer = Trainer(qt.build_model(weights=None, image_height=64, image_width=32))
        >>> trainer.compile(CoupledSGD())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Checkpoints(folder, trainer, EpochHistory()).save()
        ...     Checkpoints(folder, trainer, EpochHistory()).restore()
        0
    """

    def __init__(self, directory, trainer, history, keep=3):
        self._step = trainer.optimizer.iterations
        variables = [*trainer.variables, *trainer.optimizer.variables]
        # By position and not by attribute: Keras gives a variable that two layers share no stable attribute path.
        by_place = {f"{index:04d}": variable for index, variable in enumerate(variables)}
        self._checkpoint = tf.train.Checkpoint(variables=by_place, history=history.variable)
        self._manager = tf.train.CheckpointManager(self._checkpoint, directory, max_to_keep=keep)

    def save(self):
        """Writes a checkpoint named after the step."""
        self._manager.save(checkpoint_number=int(self._step))

    def restore(self):
        """Restores the newest checkpoint and returns its step; `None` where there is none.

        Raises:
            UserError: if the checkpoint is of another model, number of classes or optimizer, or is damaged.
        """
        newest = self._manager.latest_checkpoint
        if newest is None:
            return None
        try:
            self._checkpoint.restore(newest).assert_consumed()
        except (ValueError, AssertionError, IndexError, tf.errors.OpError) as error:
            reason = str(error).strip().split("\n")[0]
            raise UserError(
                f"Expected a checkpoint of this model, class count and optimizer. Received: {newest} ({reason}). "
                "Resume with the flags in the run folder's flags.txt, or start another --run_dir"
            ) from error
        return int(self._step)


class CheckpointEachEpoch(keras.callbacks.Callback):
    """Saves a checkpoint at the end of each epoch.

    Args:
        checkpoints: `Checkpoints`.
    """

    def __init__(self, checkpoints):
        super().__init__()
        self.checkpoints = checkpoints

    def on_epoch_end(self, epoch, logs=None):
        """Saves."""
        self.checkpoints.save()
