"""Image matching by query-adaptive convolution, in TensorFlow and Keras.

Names are imported when first used, so that `import qaconv_tf.datasets` or `--helpshort` need not wait for TensorFlow.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "Backbone": "backbones",
    "ClassMemory": "matching",
    "Evaluator": "evaluation.evaluator",
    "ImageRecord": "datasets",
    "MatchingModel": "model",
    "QAConv": "matching",
    "RankingResult": "evaluation.ranking",
    "ReidDataset": "datasets",
    "VerificationResult": "evaluation.verification",
    "build_model": "model",
    "correspondences": "matching.correspondence",
    "draw_explanation": "explain.drawing",
    "draw_strip": "explain.drawing",
    "evaluate_ranking": "evaluation.ranking",
    "evaluate_verification": "evaluation.verification",
    "export_saved_model": "export",
    "generate_people": "people",
    "load_dataset": "datasets",
    "load_model": "model",
    "load_torch_checkpoint": "torch_checkpoint",
    "rerank": "evaluation.reranking",
    "score_matrix": "matching",
    "shortlist_scores": "matching",
    "temporal_lifting": "evaluation.temporal_lifting",
}

__all__ = [*_HOMES, "losses"]


def __getattr__(name):
    if name == "losses":
        return importlib.import_module("qaconv_tf.losses")
    if name not in _HOMES:
        raise AttributeError(f"module 'qaconv_tf' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"qaconv_tf.{_HOMES[name]}"), name)


def __dir__():
    return sorted([*globals(), *__all__])
