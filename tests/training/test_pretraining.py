import keras
import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf.errors import UserError
from qaconv_tf.training import CoupledSGD, Trainer
from qaconv_tf.training.pretraining import pretrain
from tests.training.tiny import batch, tiny_model

STEPS = 3


def make_trainer():
    trainer = Trainer(tiny_model(seed=9), loss="class_memory", num_classes=6, freeze_batch_norm=False)
    trainer.compile(CoupledSGD(0.02))
    return trainer


def weights_of(trial):
    return [variable.numpy() for variable in tiny_model(seed=7 + trial).variables]


def batches_of(trial):
    steps = [batch(70 + 10 * trial + step) for step in range(STEPS)]
    return tf.data.Dataset.from_generator(
        lambda: iter(steps),
        output_signature=(tf.TensorSpec((8, 16, 8, 3), tf.float32), tf.TensorSpec((8,), tf.int32)),
    )


def trial_alone(trial):
    """The losses and accuracies of a trial, step by step, and the trainer that it leaves."""
    trainer = make_trainer()
    for variable, value in zip(trainer.model.variables, weights_of(trial), strict=True):
        variable.assign(value)
    logs = [trainer.train_on_batch(*step, return_dict=True) for step in batches_of(trial)]
    return np.array([(step["loss"], step["accuracy"]) for step in logs], np.float64), trainer


def values(trainer, with_count=True):
    count = trainer.optimizer.iterations
    state = [*trainer.variables, *trainer.optimizer.variables]
    return [variable.numpy() for variable in state if with_count or variable is not count]


def test_the_best_of_the_trials_is_kept_with_all_its_state():
    trainer, seen = make_trainer(), []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(dict(logs)))
    results, best = pretrain(trainer, 4, STEPS, weights_of, batches_of, callbacks=lambda trial: [note])
    alone = [trial_alone(trial) for trial in range(4)]
    for result, (steps, _) in zip(results, alone, strict=True):
        assert (result.loss, result.accuracy) == pytest.approx(tuple(steps.mean(axis=0)), rel=1e-6)
    metrics = [100 * steps[:, 1].mean() - steps[:, 0].mean() for steps, _ in alone]
    assert best == np.argmax(metrics)
    assert 0 < best < 3 and len(seen) == 4  # else the first or the last would pass for the best
    np.testing.assert_equal(values(trainer, with_count=False), values(alone[best][1], with_count=False))
    assert int(trainer.optimizer.iterations) == 0
    assert trainer.memory.filled.numpy().any()


def test_trials_that_are_not_finite_are_never_the_best():
    def some_bad(trial):
        return [value * (np.nan if trial != 1 else 1.0) for value in weights_of(trial)]

    trainer = make_trainer()
    results, best = pretrain(trainer, 3, STEPS, some_bad, batches_of)
    assert best == 1
    assert [bool(np.isfinite(result.metric)) for result in results] == [False, True, False]
    np.testing.assert_equal(values(trainer, False), values(trial_alone(1)[1], False))


def test_no_finite_trial_at_all_is_said():
    with pytest.raises(UserError, match="2 whose losses are not finite"):
        pretrain(make_trainer(), 2, STEPS, lambda trial: [value * np.nan for value in weights_of(trial)], batches_of)
