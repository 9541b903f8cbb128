import keras
import numpy as np
import pytest
import tensorflow as tf

from qaconv_tf.training import CoupledSGD, Trainer
from qaconv_tf.training.schedules import EpochHistory, RecordEpoch, augments, dynamic_schedule, learning_rate
from tests.training.tiny import batch, tiny_model


@pytest.mark.parametrize(
    ("decay_epochs", "factor", "rates"),
    [
        ([], 0.1, {0: 0.4, 10**6: 0.4}),
        ([1], 0.5, {0: 0.4, 1: 0.2, 2: 0.2}),
        ([10, 20, 21], 0.5, {0: 0.4, 9: 0.4, 10: 0.2, 19: 0.2, 20: 0.1, 21: 0.05, 10**6: 0.05}),
    ],
)
def test_the_rate_decays_after_so_many_epochs(decay_epochs, factor, rates):
    assert {epoch: learning_rate(epoch, 0.4, decay_epochs, factor) for epoch in rates} == pytest.approx(rates)


def official_loop(losses, step_factor, max_epochs):
    """The published schedule as a loop over epochs that keeps state: how many epochs run, and at which rate each."""
    base, stepped, final, rates = None, False, max_epochs, []
    for epoch in range(max_epochs):
        rates.append(0.1 if stepped else 1.0)
        if epoch == 1:
            base = losses[epoch]
        if not stepped and base is not None and losses[epoch] < base * step_factor:
            stepped, final = True, min(max_epochs, epoch + 1 + (epoch + 1) // 2)
        if epoch + 1 == final:
            break
    return rates


@pytest.mark.parametrize("seed", range(12))
def test_the_dynamic_schedule_equals_the_loop(seed):
    generator = np.random.default_rng([90, seed])
    max_epochs = int(generator.integers(1, 15))
    losses = (16 * np.exp(-0.1 * np.arange(max_epochs)) * generator.uniform(0.9, 1.1, max_epochs)).tolist()
    rates = []
    while len(rates) < dynamic_schedule(losses[: len(rates)], 0.7, max_epochs)[1]:
        decay_epochs, _ = dynamic_schedule(losses[: len(rates)], 0.7, max_epochs)
        rates.append(learning_rate(len(rates), 1.0, decay_epochs, 0.1))
    assert rates == pytest.approx(official_loop(losses, 0.7, max_epochs))


def test_the_dynamic_schedule_compares_with_the_second_epoch():
    assert dynamic_schedule([1.0, 10.0, 6.9], 0.7, 9) == ([3], 4)
    assert dynamic_schedule([99.0, 10.0, 7.1], 0.7, 9) == ([], 9)


def test_augmentation_starts_for_good_once_an_epoch_was_good_enough():
    assert [augments([0.1, 0.7, 0.2][:epochs], 0.6) for epochs in range(4)] == [False, False, True, True]
    assert not augments([0.6], 0.6) and augments([], 0.0)


def test_an_epoch_is_recorded_by_the_means_of_its_steps():
    trainer, history = Trainer(tiny_model(), loss="triplet"), EpochHistory()
    trainer.compile(CoupledSGD(0.02))
    steps = []
    note = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: steps.append(dict(logs)))
    batches = tf.data.Dataset.from_tensors(batch(0)).concatenate(tf.data.Dataset.from_tensors(batch(1))).repeat()
    trainer.fit(batches, epochs=2, steps_per_epoch=3, shuffle=False, verbose=0, callbacks=[note, RecordEpoch(history)])
    for epoch in range(2):
        of_epoch = steps[3 * epoch : 3 * epoch + 3]
        assert history.losses[epoch] == pytest.approx(np.mean([float(logs["loss"]) for logs in of_epoch]))
        assert history.accuracies[epoch] == pytest.approx(np.mean([float(logs["accuracy"]) for logs in of_epoch]))
    assert history.losses[0] != history.losses[1]


@pytest.mark.parametrize(("skips", "expected"), [(True, [2.0, 0.5]), (False, [np.nan, 0.5])])
def test_skipped_steps_are_not_in_the_means(skips, expected):
    history = EpochHistory()
    record = RecordEpoch(history)
    record.set_model(Trainer(tiny_model(), skip_nonfinite=skips))
    for epoch, losses in enumerate([[1.0, np.nan, 3.0], [np.nan, np.nan]]):
        record.on_epoch_begin(epoch)
        for step, loss in enumerate(losses):
            record.on_train_batch_end(step, {"loss": loss, "accuracy": 0.5})
        record.on_epoch_end(epoch)
    assert np.isnan(history.losses[1])
    np.testing.assert_array_equal([history.losses[0], history.accuracies[0]], expected)
