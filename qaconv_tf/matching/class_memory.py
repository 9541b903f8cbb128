"""Class memory: one feature map for each class, so that a mini-batch is matched against every class."""

import keras
import tensorflow as tf

UNSEEN = ("mask", "zeros")


@keras.saving.register_keras_serializable(package="qaconv_tf")
class ClassMemory(keras.layers.Layer):
    """Keeps the feature map of the most recent sample of each class.

    A training step scores its maps against the memory first and writes them afterwards, so that the right answer is the
    class's previous sample. Gradients flow through the maps only, never into the memory.

    Args:
        num_classes: int. Number of training classes.
        feature_shape: `(height, width, channels)` of a feature map.
        unseen: how the loss treats classes without a sample yet. `"mask"`: left out (QAConv 1.1 and later);
            `"zeros"`: counted as maps of zeros (1.0). Either way they enter the matcher's batch statistics as zero
            maps, as in the published versions. Defaults to `"mask"`.
        chunk: int. In training the matcher normalises by the statistics of so many classes at a time, each chunk by its
            own (QAConv 1.2: 16). `0`: by those of all classes (1.0, 1.1). Has nothing to do with how much memory the
            matching takes: that is the matcher's `tile_bytes`. Defaults to `0`.
        nearest: int. `compare` matches a batch against so many classes only: its own, and of the others those whose
            maps, averaged over the locations, are most like the average map of any of the batch. So a step's cost does
            not grow with the classes. The matcher's batch statistics are then those of near classes. `0`: against all.
            Defaults to `0`.

    Attributes:
        memory: variable `(num_classes, height, width, channels)`, float32 whatever the dtype policy.
        filled: bool `(num_classes,)`, whether a class has a sample.

    Example:
        >>> import numpy as np
        >>> import qaconv_tf as qt
        >>> memory = qt.ClassMemory(num_classes=5, feature_shape=(4, 2, 8))
        >>> maps = np.random.default_rng(0).normal(size=(3, 4, 2, 8)).astype("float32")
        >>> scores = memory.scores(qt.QAConv(), maps)  # (3, 5), before the maps are written
        >>> memory.update(maps, [4, 1, 4])  # class 4 keeps the later sample
        >>> memory.filled.numpy()
        array([False,  True, False, False,  True])

    Reference:
        [Liao and Shao, ECCV 2020](https://arxiv.org/abs/1904.10424), section 4.
    """

    def __init__(self, num_classes, feature_shape, unseen="mask", chunk=0, nearest=0, **kwargs):
        super().__init__(**kwargs, autocast=False)
        if unseen not in UNSEEN:
            raise ValueError(f"Expected unseen to be one of {UNSEEN}. Received: unseen={unseen!r}")
        self.num_classes = num_classes
        self.feature_shape = tuple(feature_shape)
        self.unseen = unseen
        self.chunk = chunk
        self.nearest = nearest
        self.memory = self.add_weight(
            name="memory", shape=(num_classes, *self.feature_shape), dtype="float32", initializer="zeros",
            trainable=False, autocast=False,
        )
        self.written_at = self.add_weight(
            name="written_at", shape=(num_classes,), dtype="int32", initializer=keras.initializers.Constant(-1),
            trainable=False,
        )
        self.updates = self.add_weight(name="updates", shape=(), dtype="int32", initializer="zeros", trainable=False)
        if nearest:
            self.pooled = self.add_weight(
                name="pooled", shape=(num_classes, self.feature_shape[-1]), dtype="float32", initializer="zeros",
                trainable=False, autocast=False,
            )
        self.built = True

    @property
    def filled(self):
        """Bool `(num_classes,)`: whether a class has a sample."""
        return self.written_at.value >= 0

    @property
    def counted(self):
        """Bool `(num_classes,)`: whether the loss counts a class."""
        return self.filled if self.unseen == "mask" else tf.fill([self.num_classes], True)

    @property
    def ages(self):
        """Int32 `(num_classes,)`: updates since a class was written; meaningless where not `filled`."""
        return self.updates.value - 1 - self.written_at.value

    def scores(self, matcher, maps, training=False, classes=None, engine="xla"):
        """Returns the scores of maps against the memory of classes.

        Args:
            matcher: a `QAConv`, or a layer called like one.
            maps: feature maps `(batch, height, width, channels)`.
            training: bool, handed to the matcher. Defaults to `False`.
            classes: int `(n,)`, the classes. Defaults to `None`: all.
            engine: str, handed to the matcher. Defaults to `"xla"`.

        Returns:
            `(batch, n)`.
        """
        if engine == "native":
            # Since an update of a few rows each reading would copy the whole memory.
            tf.raw_ops.DisableCopyOnRead(resource=self.memory.value.handle)
        memory = self.memory.value if classes is None else tf.gather(self.memory.value, classes)
        options = {"gallery_gradient": False, "chunk": self.chunk, "engine": engine}
        return matcher(maps, memory, training=training, **options)

    def compare(self, matcher, maps, labels, training=False, engine="xla"):
        """Returns what `class_memory_loss` takes: a batch's scores against all, or the nearest, classes.

        Args:
            matcher: a `QAConv`, or a layer called like one.
            maps: feature maps `(batch, height, width, channels)`.
            labels: int `(batch,)`, 0..num_classes-1.
            training: bool, handed to the matcher. Defaults to `False`.
            engine: str, handed to the matcher. Defaults to `"xla"`.

        Returns:
            Three tensors: scores `(batch, n)`; which of the n classes is each map's own, `(batch,)`; and which of them
            the loss counts, bool `(n,)`.
        """
        if not self.nearest or self.nearest >= self.num_classes:
            return self.scores(matcher, maps, training, None, engine), labels, self.counted
        classes = self.nearest_classes(maps, labels)
        own = tf.searchsorted(classes, tf.cast(labels, tf.int32))
        return self.scores(matcher, maps, training, classes, engine), own, tf.gather(self.counted, classes)

    def nearest_classes(self, maps, labels):
        """Returns the classes that `compare` matches a batch against, int32 `(nearest,)` in rising order.

        Args:
            maps: feature maps `(batch, height, width, channels)`.
            labels: int `(batch,)`, 0..num_classes-1. Their classes are always chosen.

        Raises:
            ValueError: if there are more maps than `nearest`.
        """
        if maps.shape[0] is None or maps.shape[0] > self.nearest:
            raise ValueError(f"Expected a batch of at most nearest={self.nearest} maps. Received: {maps.shape[0]}")
        cosines = tf.matmul(_pool(maps), self.pooled.value, transpose_b=True)
        # A class without a sample comes last: it teaches nothing.
        labels = tf.cast(labels, tf.int32)
        cosines = tf.where(self.filled, tf.reduce_max(cosines, axis=0), -2.0)
        cosines = tf.tensor_scatter_nd_update(cosines, labels[:, None], tf.fill(tf.shape(labels), 2.0))
        return tf.sort(tf.math.top_k(cosines, self.nearest, sorted=False).indices)

    def update(self, maps, labels):
        """Writes maps into the memory of their classes; of equal labels the last wins.

        Args:
            maps: feature maps `(batch, height, width, channels)`.
            labels: int `(batch,)`, 0..num_classes-1.

        Raises:
            ValueError: if the maps' shape is not the memory's, or there is not one label for each map.
        """
        maps = tf.stop_gradient(tf.cast(maps, tf.float32))
        labels = tf.cast(labels, tf.int32)
        if tuple(maps.shape[1:]) != self.feature_shape:
            expected = ", ".join(map(str, self.feature_shape))
            raise ValueError(f"Expected maps of shape (batch, {expected}). Received: maps.shape={tuple(maps.shape)}")
        if not labels.shape.is_compatible_with(maps.shape[:1]):
            received = f"maps.shape={tuple(maps.shape)}, labels.shape={tuple(labels.shape)}"
            raise ValueError(f"Expected one label for each map. Received: {received}")
        # A scatter leaves the order of equal indices undefined; here all of them write the last sample's map.
        same_label = labels[:, None] == labels[None]
        last = tf.reduce_max(tf.where(same_label, tf.range(tf.size(labels))[None], -1), axis=1)
        maps = tf.gather(maps, last)
        self.memory.value.scatter_nd_update(labels[:, None], maps)
        if self.nearest:
            self.pooled.value.scatter_nd_update(labels[:, None], _pool(maps))
        self.written_at.value.scatter_nd_update(labels[:, None], tf.fill(tf.shape(labels), self.updates.value))
        self.updates.assign_add(1)

    def get_config(self):
        """Returns what `from_config` needs."""
        names = ("num_classes", "feature_shape", "unseen", "chunk", "nearest")
        return super().get_config() | {name: getattr(self, name) for name in names}


def _pool(maps):
    """Averages over the locations, of unit length."""
    return tf.math.l2_normalize(tf.reduce_mean(tf.cast(maps, tf.float32), axis=[1, 2]), axis=1)
