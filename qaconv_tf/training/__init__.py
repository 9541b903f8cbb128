"""Batches to weights: the Trainer, its optimizer, callbacks and checkpoints."""

from qaconv_tf.training.checkpointing import CheckpointEachEpoch, Checkpoints
from qaconv_tf.training.optimizers import CoupledSGD, step_schedule
from qaconv_tf.training.trainer import LOSSES, Trainer

__all__ = ["LOSSES", "CheckpointEachEpoch", "Checkpoints", "CoupledSGD", "Trainer", "step_schedule"]
