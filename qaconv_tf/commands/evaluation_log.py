"""An evaluation -> TensorBoard: rates, curves, what scores are like, why fixed pairs match, the embedding projector."""

import numpy as np
import tensorflow as tf

from qaconv_tf.evaluation.evaluator import SCORINGS
from qaconv_tf.explain.answers import QueryMarks
from qaconv_tf.explain.chart_picture import draw_chart
from qaconv_tf.explain.charts import cmc_chart, precision_chart
from qaconv_tf.explain.curves import precision_at_recall
from qaconv_tf.explain.drawing import draw_explanation, draw_strip
from qaconv_tf.explain.fixed_examples import choose_examples
from qaconv_tf.explain.projector import SPRITE_SIZE, choose_projected, write_projector
from qaconv_tf.explain.references import choose_references
from qaconv_tf.explain.score_samples import right_and_wrong_scores
from qaconv_tf.matching.correspondence import correspondences
from qaconv_tf.pipeline import read_image

_RATES = ("rank1", "rank5", "rank10", "mAP", "mAP_trapezoid", "mINP")
_PAIR_HEIGHT, _STRIP_HEIGHT, _STRIP_ANSWERS = 256, 160, 10


def log_evaluation(writer, folder, step, matcher, dataset, maps, results):
    """Writes one evaluation of one data set.

    Tags begin with `evaluation` (rates), `curves`, `scores` (histograms of right and wrong pairs), `correspondences`
    and `answers`, then name the data set. Pairs and queries shown are the same in every evaluation.

    Args:
        writer: a `tf.summary` writer. The run's own while it trains: of two files in a folder that grow at once,
            TensorBoard may follow only the newer.
        folder: str. TensorBoard's folder of the run; the projector's files go there.
        step: int. Of the run.
        matcher: a built `QAConv`.
        dataset: `ReidDataset`.
        maps: array or memory map `(num_query + num_gallery, height, width, channels)`, queries first.
        results: list of `EvaluationResult`, of these maps.
    """
    examples = choose_examples(dataset.query, dataset.gallery, results[0].ranking.camera_filter)
    with writer.as_default(step):
        for result in results:
            _write_rates(result)
        _write_curves(dataset, results)
        # Re-ranked and lifted scores are no matcher's, and short lists have numbers that are no scores.
        for result in results:
            if result.scoring in SCORINGS:
                _write_scores(dataset, result)
                _write_answers(dataset, result, examples.queries)
        if any(result.scoring.startswith("matching") for result in results):
            _write_correspondences(matcher, dataset, maps, examples.pairs)
    _write_projector(folder, dataset, maps)


def _name(result):
    """The matching's tags name the data set alone; others the scoring too."""
    return result.dataset if result.scoring == "matching" else f"{result.dataset}/{result.scoring}"


def _write_rates(result):
    rates = result.to_results()
    for key in _RATES:
        tf.summary.scalar(f"evaluation/{_name(result)}/{key}", rates[key])


def _write_curves(dataset, results):
    rules = dataset.query, dataset.gallery, results[0].ranking.camera_filter
    precisions = [precision_at_recall(result.scores, *rules) for result in results]
    names = [result.scoring for result in results]
    charts = {
        "CMC": cmc_chart(dataset.name, results),
        "precision and recall": precision_chart(dataset.name, results, precisions),
    }
    for kind, chart in charts.items():
        _write_picture(f"curves/{dataset.name}/{kind}", draw_chart(chart, names))


def _write_scores(dataset, result):
    rule = result.ranking.camera_filter
    right, wrong = right_and_wrong_scores(result.scores, dataset.query, dataset.gallery, rule)
    tf.summary.histogram(f"scores/{_name(result)}/right pairs", right)
    tf.summary.histogram(f"scores/{_name(result)}/wrong pairs", wrong)


def _write_answers(dataset, result, rows):
    marks = QueryMarks(dataset.query, dataset.gallery, result.ranking.camera_filter)
    for number, row in enumerate(rows):
        answers = marks.answers(row, result.scores[row], _STRIP_ANSWERS, most_right=0)
        shown = [(_image(dataset.gallery[one.column], _STRIP_HEIGHT), one.mark, _label(one)) for one in answers]
        strip = draw_strip(_image(dataset.query[row], _STRIP_HEIGHT), shown, _STRIP_HEIGHT)
        _write_picture(f"answers/{_name(result)}/query {number + 1}", strip)


def _label(answer):
    return f"{answer.rank}: {answer.score:.2f}" if answer.rank else f"{answer.score:.2f}"


def _write_correspondences(matcher, dataset, maps, pairs):
    query_maps, gallery_maps = maps[: len(dataset.query)], maps[len(dataset.query) :]
    references = choose_references(dataset.query, dataset.gallery, gallery_maps)
    for name, (row, column) in pairs.items():
        others = references and references.of_query[row] & references.of_gallery[column]
        reference_maps = references.maps[others] if np.any(others) else None
        found = correspondences(matcher, query_maps[row], gallery_maps[column], reference_maps)
        records = dataset.query[row], dataset.gallery[column]
        images = [_image(record, _PAIR_HEIGHT) for record in records]
        names = [f"{record.identity}, camera {record.camera}" for record in records]
        picture = draw_explanation(*images, found, names, _PAIR_HEIGHT)
        _write_picture(f"correspondences/{dataset.name}/{name}", picture)


def _write_projector(folder, dataset, maps):
    records = (*dataset.query, *dataset.gallery)
    # Whom nobody queries may be a distractor: many people under one identity.
    queried = {record.identity for record in dataset.query}
    known = np.array([index for index, record in enumerate(records) if record.identity in queried])
    chosen = known[choose_projected([records[index] for index in known])]
    vectors = [maps[index].mean(axis=(0, 1), dtype=np.float32) for index in chosen]
    shown = [records[index] for index in chosen]
    thumbnails = [_image(record, SPRITE_SIZE) for record in shown]
    write_projector(folder, dataset.name, vectors, shown, thumbnails)


def _image(record, height):
    """All of one shape, that of a person: a picture of a pair then keeps its size."""
    return read_image(record.path, height, height // 2)


def _write_picture(tag, picture):
    tf.summary.image(tag, picture[None])
