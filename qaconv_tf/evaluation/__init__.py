"""Scores -> numbers: how well a gallery is ranked."""

from qaconv_tf.evaluation.ranking import RankingResult, evaluate_ranking

__all__ = ["RankingResult", "evaluate_ranking"]
