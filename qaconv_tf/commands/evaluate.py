"""`evaluate.py`: evaluates a trained model, or the one that the package ships, on any data sets."""

from qaconv_tf.commands import evaluation
from qaconv_tf.commands.program import FLAGS, flag_values, require_flag
from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.commands.shipped_model import chosen_model
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.evaluator import SCORINGS
from qaconv_tf.model import load_model


def main():
    """Evaluates by the flags."""
    require_flag("test_datasets")
    require_flag("scoring")
    unknown = sorted(set(FLAGS.scoring) - set(SCORINGS))
    if unknown:
        raise UserError(f"Expected --scoring of {', '.join(SCORINGS)}. Received: {unknown[0]!r}")
    evaluators = evaluation.open_evaluators(FLAGS.test_datasets, FLAGS.data_dir, FLAGS.evaluation_batch_size)
    path = chosen_model(FLAGS.run_dir, FLAGS.model)
    output = FLAGS.output_dir or FLAGS.run_dir
    if output:
        RunFolder(output).prepare_results()
    print(f"model: {path}", flush=True)
    sections = evaluation.evaluate_model(load_model(path), evaluators, FLAGS.scoring)
    evaluation.print_table(sections)
    if output:
        run_facts = {"model": path, "flags": flag_values("evaluate")}
        evaluation.write_results(RunFolder(output), sections, run_facts)
