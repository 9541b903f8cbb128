"""Holds the imports of every file of the package to the table in ARCHITECTURE.md."""

import ast
import pathlib
import subprocess
import sys

import pytest

import qaconv_tf

ROOT = pathlib.Path(qaconv_tf.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
# A module or folder -> what of the package it may import beside its own folder, `errors`, `cores` and the version. The
# longest name that fits a file counts.
MAY_IMPORT = {
    "__init__": ["*"],  # resolves names when they are first used
    "assets": ["backbones.torch_file"],  # the scripts that remake them
    # Level 0
    "errors": [],
    "cores": [],
    "folder_lock": [],
    "datasets": [],
    "backbones": [],
    "matching": [],
    "losses": [],
    # Level 1
    "people": ["datasets.records", "folder_lock"],
    "pipeline": ["datasets.records"],
    "model": ["backbones", "matching"],
    "evaluation.ranking": [],
    "evaluation.verification": [],
    "evaluation.correspondence_score": [],
    "evaluation.reranking": [],
    "evaluation.temporal_lifting": [],
    "evaluation.intervals": [],
    "evaluation.resources": [],
    # Level 2
    "training": ["model", "losses", "matching", "pipeline"],
    "evaluation.extraction": ["backbones", "datasets.records", "pipeline"],
    "evaluation.shortlist_size": ["matching", "evaluation.ranking"],
    "evaluation.evaluator": ["model", "matching", "datasets.records", "pipeline", "evaluation"],
    "evaluation.__init__": ["evaluation"],
    # Level 3
    "explain": ["model", "matching", "evaluation"],
    "export": ["model", "matching", "backbones.torch_file"],
    "torch_checkpoint": ["model", "matching", "backbones"],
    # Levels 4 and 5
    "flags": [],
    "commands": ["*"],
}


def name_of(file):
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def is_module(name):
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def within(name, folder):
    return folder == "*" or name == folder or name.startswith(f"{folder}.")


def imports_of(tree):
    """Full names of what is imported anywhere in a file, at its top or within a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                of_package = full.startswith("qaconv_tf.") and is_module(full.removeprefix("qaconv_tf."))
                yield full if of_package else node.module


def allowed_for(name):
    fitting = [folder for folder in MAY_IMPORT if within(name, folder)]
    assert fitting, f"{name} has no place in the table of ARCHITECTURE.md"
    return MAY_IMPORT[max(fitting, key=len)]


def forbidden_imports(name, tree):
    # Modules of evaluation/ are of two levels, so their folder alone is no permission.
    own = name if name.startswith("evaluation.") else name.split(".")[0]
    allowed = [*allowed_for(name), own, "errors", "cores"]
    for imported in imports_of(tree):
        if imported.startswith("qaconv_tf."):
            imported = imported.removeprefix("qaconv_tf.")
            if not any(within(imported, folder) for folder in allowed):
                yield imported


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_imports_point_down(file):
    assert list(forbidden_imports(name_of(file), ast.parse(file.read_text()))) == []


@pytest.mark.parametrize(
    ("name", "line", "forbidden"),
    [
        ("losses", "import qaconv_tf.matching", ["matching"]),
        ("people.body", "from qaconv_tf.datasets import load_dataset", ["datasets"]),
        ("people.body", "from qaconv_tf.datasets import records", []),
        ("people.body", "from qaconv_tf.datasets.records import ImageRecord", []),
        ("matching.qaconv", "def call():\n    from qaconv_tf import model", ["model"]),
        ("evaluation.ranking", "from qaconv_tf.evaluation.evaluator import Evaluator", ["evaluation.evaluator"]),
        ("evaluation.evaluator", "from qaconv_tf.evaluation.ranking import RankingResult", []),
        ("export", "from qaconv_tf.backbones.torch_layers import l2_normalize", ["backbones.torch_layers"]),
        ("training.trainer", "from qaconv_tf import __version__, losses", []),
        ("training.trainer", "from qaconv_tf import evaluation", ["evaluation"]),
    ],
)
def test_the_rule_itself(name, line, forbidden):
    assert list(forbidden_imports(name, ast.parse(line))) == forbidden


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_flags_are_defined_in_flags_and_read_in_commands(file):
    folder = name_of(file).split(".")[0]
    for node in ast.walk(ast.parse(file.read_text())):
        name = getattr(node, "attr", getattr(node, "id", getattr(node, "name", ""))) or ""
        # flags.py itself makes flags.md of what is defined.
        assert folder in ("commands", "flags") or name != "FLAGS", f"line {node.lineno}: only commands/ reads FLAGS"
        assert folder == "flags" or not name.startswith("DEFINE_"), f"line {node.lineno}: flags.py defines all flags"


def test_what_needs_no_tensorflow_does_not_import_it():
    measures = ("ranking", "verification", "reranking", "temporal_lifting", "correspondence_score")
    without = ("datasets", "people", *(f"evaluation.{name}" for name in measures), "flags", "errors")
    for file in FILES:
        if any(within(name_of(file), folder) for folder in without):
            imported = {name.split(".")[0] for name in imports_of(ast.parse(file.read_text()))}
            assert not imported & {"tensorflow", "keras"}, file
    code = f"import sys, {', '.join(f'qaconv_tf.{name}' for name in without)}\n"
    code += "print({'tensorflow', 'keras'} & set(sys.modules) or 'none')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT.parent)
    assert result.stdout == "none\n", result.stderr


def test_public_names_resolve():
    for name in qaconv_tf.__all__:
        assert getattr(qaconv_tf, name) is not None
    assert set(qaconv_tf.__all__) <= set(dir(qaconv_tf))
    with pytest.raises(AttributeError, match="has no attribute 'QAconv'; it has .*QAConv"):
        qaconv_tf.QAconv  # noqa: B018
