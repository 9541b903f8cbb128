"""Scores -> numbers: how well a gallery is ranked.

`Evaluator` is imported from `qaconv_tf.evaluation.evaluator`, so that ranking scores need not wait for TensorFlow.
"""

from qaconv_tf.evaluation.ranking import RankingResult, evaluate_ranking

__all__ = ["RankingResult", "evaluate_ranking"]
