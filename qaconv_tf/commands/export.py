"""`qaconv-export`: writes the SavedModel of a trained model, or of the one that the package ships."""

from qaconv_tf.commands.program import FLAGS
from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.commands.shipped_model import chosen_model
from qaconv_tf.errors import UserError
from qaconv_tf.export import export_saved_model
from qaconv_tf.model import load_model


def main():
    """Exports by the flags."""
    directory = FLAGS.output_dir or (FLAGS.run_dir and RunFolder(FLAGS.run_dir).saved_model)
    if not directory:
        raise UserError("Expected --output_dir=DIR or --run_dir=RUN. Received: neither. Say where the SavedModel goes")
    path = chosen_model(FLAGS.run_dir, FLAGS.model)
    print(f"model: {path}", flush=True)
    print(f"SavedModel: {export_saved_model(load_model(path), directory)}")
