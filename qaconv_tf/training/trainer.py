"""The Trainer: one training step of a matching model, for each of the losses."""

import keras
import tensorflow as tf

from qaconv_tf import losses
from qaconv_tf.matching import ClassMemory
from qaconv_tf.training.pooled_classifier import PooledClassifier, pooled

# Those of pooled vectors never match: they train the baselines that matching is measured against.
LOSSES = ("triplet", "class_memory", "pairwise", "pooled_softmax", "pooled_triplet")
# Of scores, which are spread over tens, and of cosines.
_MARGINS = {"triplet": 16.0, "pooled_triplet": 0.3}


class Trainer(keras.Model):
    """Trains a `MatchingModel`; owns what training alone needs, so that the exported model has none of it.

    Use it as any Keras model: `compile(optimizer)`, then `fit` on batches of `(images, labels)`. The step as a whole is
    an ordinary TensorFlow graph; the matcher inside compiles itself with XLA. (Compiling the backbone as well made
    MobileNetV2's step on a CPU several times slower: `benchmarks/backbone.py`.)

    Args:
        model: a `MatchingModel`.
        loss: `"triplet"`, `"class_memory"` or `"pairwise"`, which match; or `"pooled_softmax"` (cross-entropy of
            classes by the cosines of pooled maps) or `"pooled_triplet"` (batch-hard on these cosines), the baselines.
            Defaults to `"triplet"`.
        num_classes: int. Training classes; needed for `"class_memory"` and `"pooled_softmax"`. Defaults to `0`.
        unseen: see `ClassMemory`. Defaults to `"mask"`.
        memory_chunk: see `ClassMemory`'s `chunk`. Defaults to `0`.
        nearest_classes: see `ClassMemory`'s `nearest`. Defaults to `0`.
        margin: float, of the triplet losses. Defaults to `None`: 16 for `"triplet"`, 0.3 for `"pooled_triplet"`.
        softmax_scale: float, of `PooledClassifier`. Defaults to `16.0`.
        gamma: float, of the focal loss. Defaults to `2.0`.
        freeze_batch_norm: bool. Normalise by the backbone's moving statistics and leave them as they are; its scales
            and offsets are trained all the same. Defaults to `True`.
        frozen_stride: int. Layers of the backbone's body whose output has this stride or a finer one are not trained:
            the first few, general ones, which cost half of a step's time. Defaults to `0`: all are trained.
        clip_norm: float. Largest norm of the backbone's gradients, and of the matcher's or the classifier's, each by
            itself; 0 for no limit. Defaults to `8.0`.
        skip_nonfinite: bool. Whether a step whose loss or gradient is not finite changes nothing but the count of
            steps. (QAConv 2.1 leaves such rows out of its loss and such gradients out of its steps. The matcher
            normalises over all pairs of a batch, so where one row is not finite none is.) Defaults to `False`.
        engine: what matches, see `pair_statistics`: `"xla"`, or `"native"`, the faster where it was built and there is
            no GPU. Defaults to `"xla"`.
        seed: int or None. Of the first class vectors of `"pooled_softmax"`. Defaults to `None`.

    Raises:
        ValueError: if the loss is unknown, or `num_classes` is missing.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> from qaconv_tf.training import CoupledSGD, Trainer
        >>> model = qt.build_model(weights=None, image_height=64, image_width=32)
        >>> trainer = Trainer(model, loss="triplet")
        >>> trainer.compile(CoupledSGD(0.01))
        >>> images = np.random.default_rng(0).uniform(size=(4, 64, 32, 3)).astype("float32")
        >>> logs = trainer.train_on_batch(images, np.array([0, 0, 1, 1]), return_dict=True)
        >>> sorted(logs)
        ['accuracy', 'gradient_norm', 'loss']
    """

    def __init__(
        self, model, loss="triplet", num_classes=0, unseen="mask", memory_chunk=0, nearest_classes=0,
        margin=None, gamma=2.0, freeze_batch_norm=True, frozen_stride=0, clip_norm=8.0, skip_nonfinite=False,
        engine="xla", softmax_scale=16.0, seed=None, **kwargs,
    ):
        super().__init__(**kwargs)
        if loss not in LOSSES:
            raise ValueError(f"Expected loss to be one of {LOSSES}. Received: loss={loss!r}")
        if loss in ("class_memory", "pooled_softmax") and num_classes < 1:
            raise ValueError(f"Expected num_classes of 1 or more for {loss}. Received: num_classes={num_classes}")
        self.model = model
        self.loss_name = loss
        self.margin = _MARGINS.get(loss) if margin is None else margin
        self.gamma = gamma
        self.freeze_batch_norm = freeze_batch_norm
        self.freeze_matcher_norm = False
        self.clip_norm = clip_norm
        self.skip_nonfinite = skip_nonfinite
        self.engine = engine
        for layer in model.backbone.body.layers:
            layer.trainable = layer.output.shape[1] * frozen_stride < model.backbone.image_height
        self.memory = self.classifier = None
        shape = model.backbone.feature_shape
        if loss == "class_memory":
            self.memory = ClassMemory(num_classes, shape, unseen, memory_chunk, nearest_classes)
        elif loss == "pooled_softmax":
            self.classifier = PooledClassifier(num_classes, shape[-1], softmax_scale, seed)
        self.built = True

    def compile(self, optimizer, jit_compile=False, **kwargs):
        """As `keras.Model.compile`, but the backbone is compiled by XLA only when asked."""
        if jit_compile and self.engine == "native":
            raise ValueError("Expected engine='xla' in a step that XLA compiles. Received: engine='native'")
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)
        optimizer.build([variable for part in self._parts() for variable in part])

    def _parts(self):
        """The variables that are trained, by what clips its gradients by itself."""
        if self.loss_name.startswith("pooled"):
            head = self.classifier.trainable_variables if self.classifier else []
        else:
            head = self.model.matcher.trainable_variables
        return self.model.backbone.trainable_variables, head

    def freeze_statistics(self):
        """From now on normalises by the moving statistics, the matcher's too, and leaves them as they are."""
        if not (self.freeze_batch_norm and self.freeze_matcher_norm):
            self.freeze_batch_norm = self.freeze_matcher_norm = True
            self.train_function = None  # traced anew by the next step

    def call(self, images, training=False):
        """Returns the feature maps of images."""
        return self.model.extract(images, training=training)

    def train_step(self, data):
        """Takes one step; returns loss, accuracy, gradient norm and, with a memory, its fill and mean age."""
        images, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        statistics = [(variable, tf.identity(variable)) for variable in self._statistics()]
        parts = self._parts()
        with tf.GradientTape() as tape:
            maps = self.model.extract(images, training=not self.freeze_batch_norm)
            loss, accuracy = self._loss_and_accuracy(maps, labels)
        gradients = tape.gradient(loss, parts)
        norm = tf.linalg.global_norm([gradient for part in gradients for gradient in part])

        def take():
            self._move(gradients, parts)
            if self.memory is not None:
                # When the backward pass is done with the memory: until then it is copied and not written in place.
                with tf.control_dependencies([norm]):
                    self.memory.update(maps, labels)

        def skip():
            for variable, value in statistics:
                variable.assign(value)
            self.optimizer.iterations.assign_add(1)

        if self.skip_nonfinite:
            tf.cond(tf.math.is_finite(loss) & tf.math.is_finite(norm), take, skip)
        else:
            take()
        return {"loss": loss, "accuracy": accuracy, "gradient_norm": norm} | self._memory_logs()

    def _statistics(self):
        """What the forward pass itself changes, in case that it must be put back."""
        if not self.skip_nonfinite:
            return []
        return [variable for variable in self.model.non_trainable_variables if "moving" in variable.name]

    def _move(self, gradients, parts):
        if self.clip_norm:
            gradients = [tf.clip_by_global_norm(part, self.clip_norm)[0] if part else [] for part in gradients]
        self.optimizer.apply([*gradients[0], *gradients[1]], [*parts[0], *parts[1]])

    def _loss_and_accuracy(self, maps, labels):
        if self.loss_name == "pooled_softmax":
            logits = self.classifier(maps)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            best = tf.argmax(logits, axis=1, output_type=labels.dtype)
            return loss, tf.reduce_mean(tf.cast(best == labels, tf.float32))
        if self.loss_name == "class_memory":
            matched = self.model.matcher, maps, labels, not self.freeze_matcher_norm
            scores, own, counted = self.memory.compare(*matched, engine=self.engine)
            loss = losses.class_memory_loss(scores, own, counted, self.gamma)
            # As published, of all classes, those without a sample among them.
            best = tf.argmax(scores, axis=1, output_type=own.dtype)
            return loss, tf.reduce_mean(tf.cast(best == own, tf.float32))
        if self.loss_name == "pooled_triplet":
            vectors = pooled(maps)
            scores = tf.matmul(vectors, vectors, transpose_b=True)
        else:
            scores = self.model.match(maps, maps, training=not self.freeze_matcher_norm, engine=self.engine)
        lowest, highest, has_both = losses.hardest_scores(scores, labels)
        right = tf.cast(has_both & (lowest > highest), tf.float32)
        accuracy = tf.math.divide_no_nan(tf.reduce_sum(right), tf.reduce_sum(tf.cast(has_both, tf.float32)))
        if self.loss_name in _MARGINS:
            return losses.hard_triplet_loss(scores, labels, self.margin), accuracy
        return losses.pairwise_matching_loss(scores, labels), accuracy

    def _memory_logs(self):
        if self.memory is None:
            return {}
        filled = tf.cast(self.memory.filled, tf.float32)
        ages = tf.cast(self.memory.ages, tf.float32) * filled
        age = tf.math.divide_no_nan(tf.reduce_sum(ages), tf.reduce_sum(filled))
        return {"memory_fill": tf.reduce_mean(filled), "memory_age": age}
