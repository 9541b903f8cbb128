"""`evaluate.py`: evaluates a trained model, or the one that the package ships, on any data sets."""

import functools

import tensorflow as tf

from qaconv_tf.backbones.folding import why_no_bfloat16
from qaconv_tf.commands import comparison, correspondence, costs, evaluation, shortlist, verification
from qaconv_tf.commands.evaluation_log import log_evaluation
from qaconv_tf.commands.kept_maps import KeptMaps
from qaconv_tf.commands.program import FLAGS, flag_values, require_flag
from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.commands.shipped_model import chosen_model
from qaconv_tf.datasets.label_fixes import read_label_fixes
from qaconv_tf.datasets.pairs_table import load_pairs
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.evaluator import SCORINGS
from qaconv_tf.matching.score_matrix import chosen_engine
from qaconv_tf.model import load_model

# Flag -> option of `rerank`, and of `temporal_lifting`.
_RERANKING = {"rerank_mode": "mode", "rerank_k1": "k1", "rerank_k2": "k2", "rerank_lambda": "lambda_value"}
_LIFTING = {
    "tlift_tau": "tau", "tlift_sigma": "sigma", "tlift_top_k": "top_k", "tlift_alpha": "alpha", "tlift_pivot": "pivot",
    "tlift_online": "online",
}  # fmt: skip


def main():
    """Evaluates by the flags."""
    if not FLAGS.pairs or FLAGS.correspondence_score or FLAGS.compare_run:
        require_flag("test_datasets")
    require_flag("scoring")
    unknown = sorted(set(FLAGS.scoring) - set(SCORINGS))
    if unknown:
        raise UserError(f"Expected --scoring of {', '.join(SCORINGS)}. Received: {unknown[0]!r}")
    reranking, lifting = _options("rerank", _RERANKING), _options("tlift", _LIFTING)
    pairs = load_pairs(FLAGS.pairs) if FLAGS.pairs else None
    fixes = read_label_fixes(FLAGS.label_fixes) if FLAGS.label_fixes else []
    matching, extraction = _matching_options(), _extraction_options()
    evaluators = evaluation.open_evaluators(
        FLAGS.test_datasets, FLAGS.data_dir, FLAGS.evaluation_batch_size, fixes, **extraction, **matching,
        shortlist=shortlist.wanted_shortlist(),
    )  # fmt: skip
    for evaluator in evaluators:
        evaluator.check(reranking is not None, lifting is not None)
        if FLAGS.correspondence_score:
            correspondence.check_truth(evaluator.dataset)
    path = chosen_model(FLAGS.run_dir, FLAGS.model)
    output = FLAGS.output_dir or FLAGS.run_dir
    if output:
        RunFolder(output).prepare_results()
    if FLAGS.compare_run:
        others = comparison.check_run(RunFolder(FLAGS.compare_run), evaluators, FLAGS.scoring)
    kept_maps = _kept_maps(output, path, evaluators)
    if fixes:
        print(f"label fixes: {len(fixes)} of {FLAGS.label_fixes}", flush=True)
    print(f"model: {path}", flush=True)
    print(f"matching: engine {chosen_engine(FLAGS.engine, FLAGS.precision)}", flush=True)
    print(f"extraction: precision {FLAGS.extraction_precision}", flush=True)
    model = load_model(path)
    work = model, evaluators, FLAGS.scoring, reranking is not None, lifting is not None
    costs.check_resources(*work)
    prediction = costs.TimePrediction(*work).after
    how = FLAGS.scoring, reranking, lifting, prediction, kept_maps
    found = {}
    hooks = [_log_of_run(model.matcher)] if FLAGS.run_dir and evaluators else []
    if FLAGS.correspondence_score:
        hooks.append(functools.partial(correspondence.add_score, found, model.matcher, FLAGS.seed))
    on_evaluated = functools.partial(_call_each, hooks)
    sections = evaluation.evaluate_model(model, evaluators, *how, explained=bool(output), on_evaluated=on_evaluated)
    if sections:
        shortlist.print_curves(sections)
        evaluation.print_table(sections)
        costs.print_costs(sections)
    correspondence.print_scores(found)
    verified = None
    if pairs:
        batch_size = FLAGS.evaluation_batch_size
        verified = verification.evaluate_pairs(model, pairs, batch_size, FLAGS.extraction_precision, **matching)
        verification.print_result(FLAGS.pairs, verified)
    if output:
        run_facts = {"model": path, "flags": flag_values("evaluate")}
        if fixes:
            run_facts["label_fixes"] = {"file": FLAGS.label_fixes, "images": len(fixes)}
        more = [correspondence.to_results(name, score, FLAGS.seed) for name, score in found.items()]
        more += [verification.to_results(FLAGS.pairs, verified)] if verified else []
        evaluation.write_results(RunFolder(output), sections, run_facts, more=more)
    if FLAGS.compare_run:
        compared = comparison.compare(sections, RunFolder(FLAGS.compare_run), others)
        if output:
            RunFolder(output).add_results(compared=compared)


def _call_each(hooks, *arguments):
    for hook in hooks:
        hook(*arguments)


def _log_of_run(matcher):
    """Returns what writes each evaluation into the run's TensorBoard folder, at the run's last step."""
    folder = RunFolder(FLAGS.run_dir)
    last_step = max((session["last_step"] for session in folder.read_results()["training"]), default=0)
    writer = tf.summary.create_file_writer(folder.tensorboard)
    return functools.partial(log_evaluation, writer, folder.tensorboard, last_step, matcher)


def _kept_maps(output, model, evaluators):
    """Returns where feature maps are kept, or None; says what will be extracted in spite of it.

    Label fixes keep them, too: who mends labels evaluates again.
    """
    if not (FLAGS.keep_maps or FLAGS.label_fixes):
        return None
    if not output:
        if FLAGS.keep_maps:
            raise UserError("Expected --run_dir or --output_dir with --keep_maps. Received: neither. Say where to keep")
        return None
    kept_maps = KeptMaps(RunFolder(output).maps, model, FLAGS.extraction_precision)
    for evaluator in evaluators:
        name = evaluation.short_name(evaluator.dataset.name)
        found = kept_maps.load(evaluator.dataset) is not None
        print(f"feature maps of {name}: {'kept ones' if found else 'none kept, extracted and kept'}", flush=True)
    return kept_maps


def _matching_options():
    """Returns the options of the matching, which can be had."""
    engine = chosen_engine(FLAGS.engine, FLAGS.precision)
    if FLAGS.threads and engine.name != "native":
        raise UserError(f"Expected the native engine with --threads, as XLA takes all cores. Received: engine {engine}")
    return {"engine": engine.name, "precision": FLAGS.precision, "threads": FLAGS.threads}


def _extraction_options():
    """Returns the options of the extraction, which this processor gains by."""
    missing = why_no_bfloat16()
    if FLAGS.extraction_precision == "bf16" and missing:
        raise UserError(
            "Expected a processor that computes in bfloat16 with --extraction_precision=bf16. Received: "
            f"{missing}. Take fp32, which is exact, and faster there"
        )
    return {"extraction_precision": FLAGS.extraction_precision}


def _options(flag, options):
    """Returns the options of what a flag asks for, None if it does not; refuses options of what is not asked for."""
    if FLAGS[flag].value:
        if "matching" not in FLAGS.scoring:
            received = f"--scoring={','.join(FLAGS.scoring)}"
            raise UserError(f"Expected --scoring with matching for --{flag}. Received: {received}")
        return {option: FLAGS[name].value for name, option in options.items()}
    for name in options:
        if FLAGS[name].present:
            raise UserError(f"Expected --{flag} with --{name}. Received: --{name} alone. Add --{flag}")
    return None
