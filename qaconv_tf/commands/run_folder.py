"""The folder of a training run: where its files are, and how they are kept from harm."""

import datetime
import importlib
import json
import os
import platform
import tempfile

from qaconv_tf.errors import UserError
from qaconv_tf.flags import COMMAND_FLAGS

RESULTS_SCHEMA = 1
_PACKAGES = ("qaconv_tf", "tensorflow", "keras", "numpy")
# A resumed run may have moved, go on for longer, be evaluated on other sets or leave other things behind; anything else
# would make it another.
_MAY_CHANGE = (
    "resume", "run_dir", "epochs", "test_datasets", "evaluate_every", "evaluation_batch_size", "data_dir", "export",
    "tile_bytes", "protocol", "camera_filter", "save_graph", "calibrate",
    "report_queries", "report_answers",
)


class RunFolder:
    """Paths of a run folder, and its results.

    Args:
        path: str. The folder.
    """

    def __init__(self, path):
        self.path = path
        self.flags = os.path.join(path, "flags.txt")
        self.checkpoints = os.path.join(path, "checkpoints")
        self.tensorboard = os.path.join(path, "tensorboard")
        self.model = os.path.join(path, "model.keras")
        self.saved_model = os.path.join(path, "saved_model")
        self.results = os.path.join(path, "results.json")
        self.report = os.path.join(path, "report.html")
        self.maps = os.path.join(path, "maps")
        self.queries = os.path.join(path, "queries")

    def check(self, flags_text, resume):
        """Checks that a run can begin here, or go on, before any work is done for it.

        Args:
            flags_text: str. The flags, one a line.
            resume: bool. Whether the folder must exist already.

        Raises:
            UserError: if the folder exists (without `resume`), does not (with it), or was begun with other flags.
        """
        if resume:
            self._check_flags(flags_text)
            self.read_results()
        elif os.path.exists(self.path):
            raise UserError(
                f"Expected a run folder that does not exist yet. Received: --run_dir={self.path}. Continue that run "
                "with --resume, or choose another folder"
            )

    def start(self, flags_text):
        """Makes the folder with its flags, both at once: a run stopped here leaves nothing that looks like a run."""
        parent = os.path.dirname(os.path.abspath(self.path))
        os.makedirs(parent, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".incomplete-", dir=parent) as temporary:
            incomplete = os.path.join(temporary, "run")
            os.mkdir(incomplete)
            with open(os.path.join(incomplete, "flags.txt"), "w", encoding="utf-8") as file:
                file.write(flags_text)
            os.rename(incomplete, self.path)

    def _check_flags(self, flags_text):
        if not os.path.exists(self.flags):
            raise UserError(f"Expected a run to resume. Received: --run_dir={self.path}, which has no flags.txt")
        with open(self.flags, encoding="utf-8") as file:
            then, now = _by_name(file.read()), _by_name(flags_text)
        for name in sorted(now.keys() | then.keys()):
            if then.get(name) != now.get(name) and name not in _MAY_CHANGE:
                raise UserError(
                    f"Expected the flags that the run began with. Received: {now.get(name)} where it was "
                    f"{then.get(name)}. Resume with --flagfile={self.flags} --resume"
                )

    def read_results(self):
        """Returns what results.json holds; an empty frame where there is none.

        Raises:
            UserError: if the file holds something else.
        """
        if not os.path.exists(self.results):
            return {"schema": RESULTS_SCHEMA, "training": [], "evaluations": []}
        try:
            with open(self.results, encoding="utf-8") as file:
                results = json.load(file)
        except ValueError as error:
            raise UserError(f"Expected JSON. Received: {self.results} ({error}). Repair it or move it away") from error
        if not isinstance(results, dict) or results.get("schema") != RESULTS_SCHEMA:
            expected = f"Expected results of schema {RESULTS_SCHEMA}"
            raise UserError(f"{expected}. Received: {self.results} with another content. Move it away")
        return results

    def prepare_results(self):
        """Makes the folder, and checks its results, before an evaluation that would be in vain without them."""
        os.makedirs(self.path, exist_ok=True)
        self.read_results()

    def add_results(self, training=None, evaluations=(), compared=()):
        """Adds to results.json: nothing that it held before is lost.

        Args:
            training: dict or None. Figures of this session of the training run.
            evaluations: dicts of `EvaluationResult.to_results`.
            compared: dicts of `comparison.compare`.
        """
        results = self.read_results()
        if training is not None:
            results["training"].append(training | origin())
        results["evaluations"] += [evaluation | origin() for evaluation in evaluations]
        if compared:
            results.setdefault("compared", []).extend(one | origin() for one in compared)
        partial = f"{self.results}.partial"
        with open(partial, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
        os.replace(partial, self.results)


def origin():
    """Returns when and by which versions and machine something was made, as a dict for JSON."""
    versions = {name: importlib.import_module(name).__version__ for name in _PACKAGES}
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions | {"python": platform.python_version()},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def _by_name(flags_text):
    """Flag name -> its line, whether `--name=value`, `--name` or `--noname`."""
    lines = {}
    for line in flags_text.splitlines():
        name = line.removeprefix("--").split("=")[0]
        lines[name if name in COMMAND_FLAGS["train"] else name.removeprefix("no")] = line
    return lines
