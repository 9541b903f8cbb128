"""How the findings of the data set doctor look in the terminal, and as a shell script."""

import collections
import shlex
import textwrap

from rich.table import Table
from rich.text import Text

from qaconv_tf.datasets.audit_records import compare_counts
from qaconv_tf.datasets.finding import SEVERITIES
from qaconv_tf.datasets.records import SPLITS

_SHOWN = 3
_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold blue"}
_INDENT = " " * 12


def print_dataset(console, text, reader, dataset):
    """Prints what is in a data set: its parts, what was left out, and which published version its counts are.

    Args:
        console: `rich.console.Console`.
        text: str. What the flag names the data set.
        reader: module. Its reader.
        dataset: `ReidDataset`, or `None` if the reader refused it.
    """
    console.rule(Text(text, "bold"), align="left")
    if dataset is None:
        return
    table = Table("part")
    for column in ("images", "identities", "cameras", "images with a time"):
        table.add_column(column, justify="right")
    for split in SPLITS:
        records = getattr(dataset, split)
        identities = {record.identity for record in records}
        cameras = {record.camera for record in records} - {None}
        timed = [record for record in records if record.timestamp is not None]
        table.add_row(split, *(f"{len(column):,}" for column in (records, identities, cameras, timed)))
    console.print(table)
    for line in _remarks(reader, dataset):
        console.print(line, soft_wrap=True, markup=False)


def _remarks(reader, dataset):
    asked = {record.identity for record in dataset.query}
    others = sum(record.identity not in asked for record in dataset.gallery)
    if asked and others:
        yield f"wrong answers only: {others:,} gallery images, of identities that no query asks for"
    if dataset.dropped:
        yield "left out: " + ", ".join(f"{count:,} {reason}" for reason, count in dataset.dropped.items())
    comparison = compare_counts(dataset, getattr(reader, "FINGERPRINTS", {}))
    if comparison is not None and not comparison.differences:
        yield f"counts: as published{comparison.version and f' ({comparison.version})'}"
    elif comparison is not None and not comparison.is_meant:
        yield f"counts: not the published ones of {dataset.name}; taken for another set in its layout"


def print_finding(console, finding):
    """Prints a finding: what was expected and found, some examples, and what mends it.

    Args:
        console: `rich.console.Console`.
        finding: `Finding`.
    """
    title = Text.assemble((finding.severity, _STYLES[finding.severity]), f": {finding.title}: {finding.count:,}")
    console.print("", title, sep="\n")
    _print_lines(console, "expected", _wrapped(console, finding.expected))
    _print_lines(console, "found", [*_wrapped(console, finding.found), *_first(finding.examples, "")])
    commands = _first(_commands(finding), "; --mend_script=FILE writes all")
    _print_lines(console, "to mend", [*_wrapped(console, finding.remedy), *commands])
    _print_lines(console, "or run", _first(finding.workarounds, ""))


def _wrapped(console, words):
    return textwrap.wrap(words, console.width - len(_INDENT), break_long_words=False, break_on_hyphens=False)


def _first(lines, hint):
    rest = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"... {rest:,} more{hint}"] if rest > 0 else [])]


def _print_lines(console, name, lines):
    for number, line in enumerate(lines):
        start = f"  {name}".ljust(len(_INDENT)) if number == 0 else _INDENT
        # Unbroken, so that paths and commands can be copied.
        console.print(Text.assemble((start, "dim"), line), soft_wrap=True)


def _commands(finding):
    removals = [shlex.join(("rm", "--", path)) for path in finding.unwanted]
    choices = [f"# {shlex.join(('rm', '--', path))}" for path in finding.candidates]
    return [*removals, *choices, *finding.commands]


def write_script(path, found):
    """Writes the commands that mend as a shell script, to be looked through before it is run.

    Args:
        path: str. A file that does not exist.
        found: list of `(text, Finding)`: what names the data set, and a finding.
    """
    lines = ["#!/bin/sh", "# Made by qaconv-check_dataset. Remove what you do not want before you run it."]
    for text, finding in found:
        lines += ["", f"# {text}: {finding.title}: {finding.count}. {finding.remedy}.", *_commands(finding)]
    # A path may hold bytes that are no text.
    with open(path, "x", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(f"{line}\n" for line in lines)


def print_summary(console, findings):
    """Prints how many findings there are of each severity, or that there are none.

    Args:
        console: `rich.console.Console`.
        findings: list of `Finding`.
    """
    counts = collections.Counter(finding.severity for finding in findings)
    parts = [f"{counts[each]} {each}{'s' * (counts[each] > 1)}" for each in SEVERITIES if counts[each]]
    meaning = "results would be spoilt" if counts["error"] else "fine"
    style = _STYLES["error"] if counts["error"] else "bold green"
    console.print("", Text(f"{meaning}: {', '.join(parts) or 'nothing to mend'}", style), sep="\n")
