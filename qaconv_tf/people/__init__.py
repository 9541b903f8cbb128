"""Generated pedestrians: a re-identification data set that anyone can make, on a CPU, from a seed."""

from qaconv_tf.people.dataset import generate_people
from qaconv_tf.people.truth_files import read_truth

__all__ = ["generate_people", "read_truth"]
