"""Scores -> numbers: how well a gallery is ranked, and the whole way there from a model and a data set."""

from qaconv_tf.evaluation.evaluator import Evaluator
from qaconv_tf.evaluation.ranking import RankingResult, evaluate_ranking

__all__ = ["Evaluator", "RankingResult", "evaluate_ranking"]
