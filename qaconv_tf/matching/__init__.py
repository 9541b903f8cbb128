"""Feature maps to scores: the matcher, the class memory and the score matrix."""

from qaconv_tf.matching.class_memory import ClassMemory
from qaconv_tf.matching.qaconv import QAConv
from qaconv_tf.matching.score_matrix import pooled_scores, score_matrix, score_rows
from qaconv_tf.matching.shortlist import shortlist_scores

__all__ = ["ClassMemory", "QAConv", "pooled_scores", "score_matrix", "score_rows", "shortlist_scores"]
