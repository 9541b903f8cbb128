"""Batches to weights: the Trainer, its optimizer, schedules, callbacks and checkpoints."""

from qaconv_tf.training.checkpointing import CheckpointEachEpoch, Checkpoints
from qaconv_tf.training.optimizers import CoupledSGD
from qaconv_tf.training.schedules import EpochHistory
from qaconv_tf.training.trainer import LOSSES, Trainer

__all__ = ["LOSSES", "CheckpointEachEpoch", "Checkpoints", "CoupledSGD", "EpochHistory", "Trainer"]
