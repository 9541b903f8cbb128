import numpy as np
import pytest

from qaconv_tf.errors import UserError
from qaconv_tf.training import Checkpoints, CoupledSGD, EpochHistory, Trainer
from tests.training.tiny import batch, tiny_model


def make_trainer(loss="class_memory", num_classes=6, seed=3):
    trainer = Trainer(tiny_model(seed=seed), loss=loss, num_classes=num_classes)
    trainer.compile(CoupledSGD(0.01))
    return trainer


def train(trainer, seeds):
    return [trainer.train_on_batch(*batch(seed), return_dict=True) for seed in seeds]


def test_a_restored_run_continues_bit_by_bit(tmp_path):
    whole = make_trainer()
    expected = train(whole, range(6))
    begun, history = make_trainer(), EpochHistory()
    train(begun, range(2))
    history.add(0.25, 0.5)
    history.add(0.125, 0.75)
    Checkpoints(str(tmp_path), begun, history).save()
    resumed, restored = make_trainer(seed=4), EpochHistory()  # other weights: everything is in the checkpoint
    assert Checkpoints(str(tmp_path), resumed, restored).restore() == 2
    assert (restored.epochs, restored.losses, restored.accuracies) == (2, [0.25, 0.125], [0.5, 0.75])
    assert train(resumed, range(2, 6)) == expected[2:]
    states = [trainer.variables + trainer.optimizer.variables for trainer in (whole, resumed)]
    for one, other in zip(*states, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_the_newest_checkpoints_are_kept(tmp_path):
    trainer = make_trainer()
    checkpoints = Checkpoints(str(tmp_path), trainer, EpochHistory(), keep=2)
    for seed in range(3):
        train(trainer, [seed])
        checkpoints.save()
    names = sorted(path.name for path in tmp_path.glob("*.index"))
    assert names == ["ckpt-2.index", "ckpt-3.index"]


def test_an_empty_folder_restores_nothing(tmp_path):
    assert Checkpoints(str(tmp_path), make_trainer(), EpochHistory()).restore() is None


@pytest.mark.parametrize("other", [{"num_classes": 7}, {"loss": "triplet"}])
def test_a_checkpoint_of_another_shape_is_refused_in_one_line(tmp_path, other):
    Checkpoints(str(tmp_path), make_trainer(), EpochHistory()).save()
    with pytest.raises(UserError, match="Expected a checkpoint of this model") as refused:
        Checkpoints(str(tmp_path), make_trainer(**other), EpochHistory()).restore()
    assert "\n" not in str(refused.value)


def test_a_truncated_checkpoint_is_refused_in_one_line(tmp_path):
    Checkpoints(str(tmp_path), make_trainer(), EpochHistory()).save()
    data = next(tmp_path.glob("*.data-*"))
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(UserError, match="Received: .*ckpt-0"):
        Checkpoints(str(tmp_path), make_trainer(), EpochHistory()).restore()
