"""Runs the examples in the docstrings of every module."""

import doctest
import importlib
import pkgutil

import pytest

import qaconv_tf

MODULES = ["qaconv_tf", *(module.name for module in pkgutil.walk_packages(qaconv_tf.__path__, "qaconv_tf."))]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    report = []
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
        runner.run(test, out=report.append)
    assert not report, "".join(report)


def test_examples_are_found():
    finder = doctest.DocTestFinder()
    examples = [len(test.examples) for name in MODULES for test in finder.find(importlib.import_module(name), name)]
    assert sum(examples) > 100
