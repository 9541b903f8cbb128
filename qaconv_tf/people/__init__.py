"""Generated pedestrians: a re-identification data set that anyone can make, on a CPU, from a seed."""

from qaconv_tf.people.dataset import generate_people

__all__ = ["generate_people"]
