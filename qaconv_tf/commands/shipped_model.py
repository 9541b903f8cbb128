"""Which model a command takes: a file, a run's, or the one that the package ships."""

import importlib.resources
import os

from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.errors import UserError


def chosen_model(run_dir, model):
    """Returns the path of a `.keras` file.

    Args:
        run_dir: str. A run folder, or empty.
        model: str. A `.keras` file, which comes before the run folder's, or empty.

    Raises:
        UserError: if the run folder is missing or has no finished model.
    """
    if model:
        return model
    if not run_dir:
        return str(importlib.resources.files("qaconv_tf") / "assets" / "demo_model.keras")
    path = RunFolder(run_dir).model
    if not os.path.exists(path):
        raise UserError(
            f"Expected a run folder with model.keras, which train writes when it ends. Received: --run_dir={run_dir}. "
            "Finish that run with train --resume, or pass --model=FILE.keras"
        )
    return path
