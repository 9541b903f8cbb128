"""What a run decides from how its epochs went: learning rate, end, augmentation.

Each decision is a pure function of the epochs' mean losses and accuracies, which are in the checkpoint; so a resumed
run decides as the run that was not stopped.
"""

import keras
import numpy as np
import tensorflow as tf


class EpochHistory:
    """Mean loss and accuracy of each finished epoch.

    Attributes:
        variable: float64 variable `(epochs, 2)`, for the checkpoint.

    Example:
        >>> from qaconv_tf.training.schedules import EpochHistory
        >>> history = EpochHistory()
        >>> history.add(2.5, 0.25)
        >>> history.epochs, history.losses, history.accuracies
        (1, [2.5], [0.25])
    """

    def __init__(self):
        self.variable = tf.Variable(np.zeros((0, 2)), shape=(None, 2), dtype=tf.float64, trainable=False)

    @property
    def epochs(self):
        """How many epochs have ended."""
        return len(self.variable.numpy())

    @property
    def losses(self):
        """Mean losses, one an epoch."""
        return self.variable.numpy()[:, 0].tolist()

    @property
    def accuracies(self):
        """Mean accuracies, one an epoch."""
        return self.variable.numpy()[:, 1].tolist()

    def add(self, loss, accuracy):
        """Adds an epoch."""
        self.variable.assign(np.concatenate([self.variable.numpy(), [[loss, accuracy]]]))


class RecordEpoch(keras.callbacks.Callback):
    """Adds each epoch's means to a history; must come before the callback that saves checkpoints.

    Steps that the trainer skips, as they are not finite, are not counted.

    Args:
        history: `EpochHistory`.
    """

    def __init__(self, history):
        super().__init__()
        self.history = history
        self._steps = []

    def on_epoch_begin(self, epoch, logs=None):
        """Forgets the steps of the last epoch."""
        self._steps = []

    def on_train_batch_end(self, batch, logs=None):
        """Notes one step."""
        self._steps.append((float(logs["loss"]), float(logs["accuracy"])))

    def on_epoch_end(self, epoch, logs=None):
        """Adds the epoch."""
        steps = np.array(self._steps)
        counted = np.isfinite(steps[:, 0]) if self.model.skip_nonfinite else slice(None)
        self.history.add(*(np.mean(steps[counted], axis=0) if np.any(counted) else (np.nan, np.nan)))


def learning_rate(epoch, first_rate, decay_epochs, factor):
    """Returns the learning rate of an epoch, decayed after each of `decay_epochs` epochs.

    Args:
        epoch: int, from 0.
        first_rate: float.
        decay_epochs: increasing ints; empty for a constant rate.
        factor: float.

    Example:
        >>> from qaconv_tf.training.schedules import learning_rate
        >>> [round(learning_rate(epoch, 0.01, [10, 12], 0.1), 6) for epoch in (9, 10, 12)]
        [0.01, 0.001, 0.0001]
    """
    return first_rate * factor ** sum(epoch >= decay for decay in decay_epochs)


def dynamic_schedule(losses, step_factor, max_epochs):
    """Returns when the rate decays and when training ends, by the published dynamic schedule (QAConv 2.1).

    The rate decays after the first epoch whose mean loss is below `step_factor` times the second epoch's, and training
    ends when half as many epochs again have passed.

    Args:
        losses: mean losses of the epochs so far.
        step_factor: float, below 1.
        max_epochs: int. Training ends then at the latest.

    Returns:
        `(decay_epochs, last_epoch)`: a list with the number of epochs before the decay, empty before it is known; and
        how many epochs there will be.

    Example:
        >>> from qaconv_tf.training.schedules import dynamic_schedule
        >>> dynamic_schedule([16.0, 10.0, 8.0, 7.5], 0.7, max_epochs=60)
        ([], 60)
        >>> dynamic_schedule([16.0, 10.0, 8.0, 7.5, 6.9], 0.7, max_epochs=60)
        ([5], 7)

    Reference:
        [Liao and Shao, CVPR 2022](https://arxiv.org/abs/2104.01546), section 4.
    """
    for index, loss in enumerate(losses):
        if index > 1 and loss < step_factor * losses[1]:
            epochs = index + 1
            return [epochs], min(max_epochs, epochs + epochs // 2)
    return [], max_epochs


def augments(accuracies, threshold):
    """Returns whether the next epoch's images are augmented: once an epoch's mean accuracy has passed the threshold.

    Args:
        accuracies: mean accuracies of the epochs so far.
        threshold: float; 0 augments from the first epoch.

    Example:
        >>> from qaconv_tf.training.schedules import augments
        >>> augments([], 0.0), augments([0.5, 0.55], 0.6), augments([0.5, 0.65, 0.58], 0.6)
        (True, False, True)
    """
    return not threshold or any(accuracy > threshold for accuracy in accuracies)
