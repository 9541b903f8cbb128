"""Several short trials from different first weights, of which the best is trained on (QAConv 1.1 and 1.2)."""

import dataclasses

import numpy as np

from qaconv_tf.errors import UserError
from qaconv_tf.training.schedules import EpochHistory, RecordEpoch


@dataclasses.dataclass(frozen=True)
class Trial:
    """How a trial went: means over its steps.

    Args:
        loss: float.
        accuracy: float, in 0..1.

    Example:
        >>> from qaconv_tf.training.pretraining import Trial
        >>> Trial(loss=12.5, accuracy=0.25).metric
        12.5
    """

    loss: float
    accuracy: float

    @property
    def metric(self):
        """What the best trial has most of: accuracy in per cent, less the loss."""
        return 100 * self.accuracy - self.loss


def pretrain(trainer, trials, steps, first_weights, batches, callbacks=lambda trial: ()):
    """Trains `trials` times from the start and leaves the trainer as the best trial left it, at step 0.

    A class memory, which a random matcher starts with wrong answers only, converges from some first weights and not
    from others. Model, memory, moving statistics and momentum are the best trial's; only the count of steps is 0 again.
    Nothing of a trial depends on the ones before it, so a run that is stopped here may begin anew and find the same.

    Args:
        trainer: a compiled `Trainer` that has taken no step.
        trials: int, 1 or more.
        steps: int. Of each trial.
        first_weights: callable from the trial's number to arrays, one for each of `trainer.model.variables`.
        batches: callable from the trial's number to its `tf.data.Dataset` of `steps` batches or more.
        callbacks: callable from the trial's number to Keras callbacks. Defaults to none.

    Returns:
        A list of `Trial`, and the number of the best.

    Raises:
        UserError: if no trial ended with finite means.

    Reference:
        [Liao and Shao, ECCV 2020](https://arxiv.org/abs/1904.10424), and the authors' later changes of their code.
    """
    state = [*trainer.variables, *trainer.optimizer.variables]
    first, results, best, best_state = _values(state), [], None, None
    for trial in range(trials):
        _assign(state, first)
        _assign(trainer.model.variables, first_weights(trial))
        history = EpochHistory()
        of_trial = [RecordEpoch(history), *callbacks(trial)]
        trainer.fit(batches(trial), steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=of_trial)
        results.append(Trial(history.losses[0], history.accuracies[0]))
        # A metric that is not a number is greater than none.
        if results[-1].metric > (-np.inf if best is None else results[best].metric):
            best, best_state = trial, _values(state)
    if best is None:
        raise UserError(
            f"Expected a pre-training trial that converges. Received: {trials} whose losses are not finite. "
            "Start another run with a lower --learning_rate"
        )
    _assign(state, best_state)
    trainer.optimizer.iterations.assign(0)
    return results, best


def _values(variables):
    return [variable.numpy() for variable in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
