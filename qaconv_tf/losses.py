"""Losses on score matrices: stateless functions of scores and labels.

All of them take scores where higher is more alike, work under XLA and in float32, and differ in what a row is compared
with: every class of a memory, every other image of the batch, or only the hardest two.
"""

import tensorflow as tf


def class_memory_loss(scores, labels, counted=None, gamma=2.0):
    """Focal loss of each image against every class of a memory.

    For class `c` with `p = sigmoid(score)`: `-(1 - p)^gamma log p` where `c` is the image's own, else
    `-p^gamma log(1 - p)`; summed over the classes, averaged over the batch.

    Args:
        scores: `(batch, num_classes)`, of `ClassMemory.scores`.
        labels: int `(batch,)`, 0..num_classes-1.
        counted: bool `(num_classes,)`; other classes are left out of the sum. Defaults to `None`: all count.
        gamma: float. Defaults to `2.0`; `0` is plain cross-entropy.

    Returns:
        Scalar.

    Example:
        >>> import qaconv_tf as qt
        >>> float(qt.losses.class_memory_loss([[0.0, 0.0]], [1])) / 0.693147  # two classes, each (1/2)^2 log 2
        0.5...

    Reference:
        [Liao and Shao, ECCV 2020](https://arxiv.org/abs/1904.10424), section 4; focal loss of
        [Lin et al., ICCV 2017](https://arxiv.org/abs/1708.02002), equation 4.
    """
    scores = tf.cast(scores, tf.float32)
    right = tf.one_hot(labels, scores.shape[1])
    toward_right = tf.where(right > 0, scores, -scores)
    # The right answer has probability sigmoid(x); log sigmoid(x) = -softplus(-x), log(1 - sigmoid(x)) = -softplus(x).
    # So nothing is subtracted from one, and no power of zero has an infinite gradient (gamma < 1).
    focal = tf.exp(-gamma * tf.nn.softplus(toward_right)) * tf.nn.softplus(-toward_right)
    if counted is not None:
        focal = tf.where(counted[None], focal, 0.0)
    return tf.reduce_mean(tf.reduce_sum(focal, axis=1))


def pairwise_matching_loss(scores, labels):
    """Binary cross-entropy of every pair of a batch: do the two images show the same identity?

    Summed over the batch's images that an image is matched with, itself among them, and averaged over the images, as
    in the published form: a pair of an image with itself is right and scores high, so it adds next to nothing.

    Args:
        scores: `(batch, batch)`, the batch matched with itself.
        labels: int `(batch,)`.

    Returns:
        Scalar.

    Example:
        >>> import qaconv_tf as qt
        >>> round(float(qt.losses.pairwise_matching_loss([[99.0, 0.0], [0.0, 99.0]], [3, 3])), 4)  # log 2 each
        0.6931

    Reference:
        [Liao and Shao, CVPR 2022](https://arxiv.org/abs/2104.01546), section 3.3.
    """
    scores = tf.cast(scores, tf.float32)
    labels = tf.convert_to_tensor(labels)
    same = tf.cast(labels[:, None] == labels[None], tf.float32)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(same, scores)
    return tf.reduce_mean(tf.reduce_sum(cross_entropy, axis=1))


def hard_triplet_loss(scores, labels, margin=16.0):
    """Batch-hard triplet loss on scores.

    For each image the lowest score with an image of the same label and the highest with one of another label:
    `max(0, margin - lowest + highest)`, averaged over the images that have both. The official code counts a loss of 0
    (and a right answer) for each image that has not, so where 2 of 6 images are alone with their label its loss and
    gradient are 4/6 of these. The published batches, of several images of each label, have no such image.

    Args:
        scores: `(batch, batch)`, the batch matched with itself; the diagonal is left out.
        labels: int `(batch,)`.
        margin: float, in units of the scores. Defaults to `16.0`, as published.

    Returns:
        Scalar; 0 where no image has both.

    Example:
        >>> import qaconv_tf as qt
        >>> scores = [[9.0, 3.0, 1.0], [3.0, 9.0, 2.0], [1.0, 2.0, 9.0]]
        >>> float(qt.losses.hard_triplet_loss(scores, [5, 5, 7], margin=2.0))  # (2 - 3 + 1, 2 - 3 + 2) / 2
        0.5

    Reference:
        [Liao and Shao, CVPR 2022](https://arxiv.org/abs/2104.01546), section 3.3;
        [Hermans et al., 2017](https://arxiv.org/abs/1703.07737), equation 5.
    """
    lowest, highest, has_both = hardest_scores(scores, labels)
    hinge = tf.where(has_both, tf.nn.relu(margin - lowest + highest), 0.0)
    return tf.math.divide_no_nan(tf.reduce_sum(hinge), tf.reduce_sum(tf.cast(has_both, tf.float32)))


def hardest_scores(scores, labels):
    """Returns each image's lowest score with the same label and highest with another.

    Args:
        scores: `(batch, batch)`, the batch matched with itself; the diagonal is left out.
        labels: int `(batch,)`.

    Returns:
        `(lowest, highest, has_both)`, each `(batch,)`; where `has_both` is false the values mean nothing.

    Example:
        >>> from qaconv_tf.losses import hardest_scores
        >>> lowest, highest, has_both = hardest_scores([[9.0, 3.0], [3.0, 9.0]], [5, 7])
        >>> has_both.numpy()
        array([False, False])
    """
    scores = tf.cast(scores, tf.float32)
    same, other = _pair_masks(labels)
    # Finite fillers: an infinity would turn into NaN in the gradient of the masked rows.
    lowest = tf.reduce_min(tf.where(same, scores, scores.dtype.max), axis=1)
    highest = tf.reduce_max(tf.where(other, scores, scores.dtype.min), axis=1)
    has_both = tf.reduce_any(same, axis=1) & tf.reduce_any(other, axis=1)
    return tf.where(has_both, lowest, 0.0), tf.where(has_both, highest, 0.0), has_both


def _pair_masks(labels):
    labels = tf.convert_to_tensor(labels)
    equal = labels[:, None] == labels[None]
    return equal & ~tf.eye(tf.size(labels), dtype=tf.bool), ~equal
