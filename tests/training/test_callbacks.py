import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console
from rich.progress import Progress
from tensorflow.core.util import event_pb2

from qaconv_tf.errors import UserError
from qaconv_tf.training import CoupledSGD, Trainer
from qaconv_tf.training.callbacks import HealthCheck, ProgressBar, TensorBoardLog, log_images
from tests.training.tiny import batch, tiny_model


class FakeOptimizer:
    iterations = 0


class FakeTrainer:
    optimizer = FakeOptimizer()

    def __init__(self, skip_nonfinite):
        self.skip_nonfinite = skip_nonfinite


def feed(check, losses, norm=1.0, skips=False):
    check.set_model(FakeTrainer(skips))
    for step, loss in enumerate(losses, start=1):
        check.model.optimizer.iterations = step
        check.on_train_batch_end(step - 1, {"loss": loss, "gradient_norm": norm})


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_step(bad):
    with pytest.raises(UserError, match="at step 3"):
        feed(HealthCheck(), [2.0, 1.0, bad, 1.0])


def test_a_gradient_that_is_not_finite_stops_the_run():
    with pytest.raises(UserError, match="gradient_norm=nan at step 1"):
        feed(HealthCheck(), [2.0], norm=float("nan"))


def test_a_run_that_skips_steps_stops_when_it_skips_too_many_in_a_row():
    bad = float("nan")
    feed(HealthCheck(patience=3), [1.0, bad, bad, 1.0, bad, bad], skips=True)
    with pytest.raises(UserError, match="loss=nan at step 5"):
        feed(HealthCheck(patience=3), [bad, 1.0, bad, bad, bad, 1.0], skips=True)


def test_a_loss_stuck_at_its_margin_stops_the_run_and_names_the_step():
    with pytest.raises(UserError, match="for 5 steps up to step 7"):
        feed(HealthCheck(margin=16.0, patience=5), [15.0, 16.2, *[16.0004] * 20])


def test_a_loss_that_passes_its_margin_does_not_stop_the_run():
    feed(HealthCheck(margin=16.0, patience=5), [16.0, 16.0, 16.0, 16.0, 15.9] * 4)
    feed(HealthCheck(patience=5), [16.0] * 20)  # no margin: another loss may rest there


def test_a_diverging_rate_stops_fit(tmp_path):
    trainer = Trainer(tiny_model(), clip_norm=0.0)
    trainer.compile(CoupledSGD(1e30))
    batches = tf.data.Dataset.from_tensors(batch(0)).repeat()
    with pytest.raises(UserError, match="at step"):
        trainer.fit(batches, epochs=1, steps_per_epoch=30, shuffle=False, verbose=0, callbacks=[HealthCheck()])


def read_tags(folder):
    tags = {}
    for path in folder.glob("events*"):
        for record in tf.data.TFRecordDataset(str(path)):
            event = event_pb2.Event.FromString(record.numpy())
            for value in event.summary.value:
                tags.setdefault(value.tag, []).append((event.step, value))
    return tags


def test_tensorboard_gets_every_curve(tmp_path):
    trainer = Trainer(tiny_model(), loss="class_memory", num_classes=6)
    trainer.compile(CoupledSGD(0.02, slow_factor=0.5))
    batches = tf.data.Dataset.from_tensors(batch(0)).repeat()
    writer = tf.summary.create_file_writer(str(tmp_path))
    console = Console(file=open(tmp_path / "terminal.txt", "w"), width=200)
    with Progress(console=console) as progress:
        bar = ProgressBar(progress)
        bar.expect(6)
        callbacks = [TensorBoardLog(writer, every=2), bar]
        trainer.fit(batches, epochs=2, steps_per_epoch=3, shuffle=False, verbose=0, callbacks=callbacks)
        assert progress.tasks[0].completed == progress.tasks[0].total == 6
    log_images(writer, batches, step=6)
    writer.close()
    console.file.close()
    assert "epoch 2, step 6: accuracy" in (tmp_path / "terminal.txt").read_text()
    tags = read_tags(tmp_path)
    of_a_step = ("loss", "accuracy", "gradient_norm", "memory_fill", "memory_age")
    for name in (*of_a_step, "learning_rate", "learning_rate_backbone"):
        assert [step for step, _ in tags[f"train/{name}"]] == [1, 2, 4, 6], name
    assert tf.make_ndarray(tags["train/learning_rate"][0][1].tensor) == np.float32(0.02)
    assert tf.make_ndarray(tags["train/learning_rate_backbone"][0][1].tensor) == np.float32(0.01)
    assert [step for step, _ in tags["train/images"]] == [6] and "train/memory_ages" in tags
