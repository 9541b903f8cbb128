"""Neighbouring gallery images that are normalised together."""

import tensorflow as tf


class Chunks:
    """The chunks of `num_gallery` images, `size` in each but perhaps the last.

    What is one number for a chunk is a vector `(chunks,)`; where all images are one chunk, a scalar.

    Args:
        num_gallery: int, or None if it is not known, in which case all images are one chunk.
        size: int. 0 for one chunk.

    Example:
        >>> import tensorflow as tf
        >>> from qaconv_tf.matching.chunks import Chunks
        >>> chunks = Chunks(3, 2)
        >>> means = chunks.mean(tf.constant([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]))
        >>> means.numpy().tolist(), chunks.spread(means).numpy().tolist()
        ([2.5, 4.0], [2.5, 2.5, 4.0])
    """

    def __init__(self, num_gallery, size):
        self._num_gallery = num_gallery
        self._size = 0 if num_gallery is None or size >= num_gallery else size

    def mean(self, values):
        """Mean over all queries and a chunk's gallery images of values `(num_query, num_gallery)`."""
        if not self._size:
            return tf.reduce_mean(values)
        of_images = tf.pad(tf.reduce_mean(values, axis=0), [[0, -self._num_gallery % self._size]])
        return tf.reduce_sum(tf.reshape(of_images, [-1, self._size]), axis=1) / tf.constant(self._sizes(), tf.float32)

    def spread(self, values):
        """Values of chunks as values of gallery images, `(num_gallery,)`, or a scalar as it is."""
        return tf.repeat(values, self._size)[: self._num_gallery] if self._size else values

    def sizes(self, gallery):
        """How many gallery images each chunk has."""
        return tf.constant(self._sizes()) if self._size else tf.shape(gallery)[0]

    def last(self, gallery):
        """The last of the gallery images of each chunk."""
        if not self._size:
            return gallery[-1]
        return tf.gather(gallery, [min(last, self._num_gallery) - 1 for last in self._ends()])

    def _sizes(self):
        return [min(self._size, self._num_gallery - end + self._size) for end in self._ends()]

    def _ends(self):
        return range(self._size, self._num_gallery + self._size, self._size)
