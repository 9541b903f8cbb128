"""Evaluation results -> one HTML file that opens from disk: numbers, curves, answers and why they match, no network."""

import base64
import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import markupsafe

from qaconv_tf.errors import UserError
from qaconv_tf.explain.camera_pairs import camera_pairs
from qaconv_tf.explain.charts import cmc_chart, percent, precision_chart
from qaconv_tf.explain.curves import precision_at_recall
from qaconv_tf.explain.matches import Matches
from qaconv_tf.explain.report_data import DatasetPage, PageImages
from qaconv_tf.explain.shown import ReportLimits, shown_queries
from qaconv_tf.explain.thumbnails import thumbnail

# A file that holds this is a report of ours, which the next report may replace.
SIGNATURE = '<meta name="generator" content="qaconv_tf report">'
_FOLDER = pathlib.Path(__file__).parent
# In this order they make one script.
_SCRIPTS = ("page", "matcher", "changes", "queries", "failures", "start")


@dataclasses.dataclass(frozen=True, eq=False)
class ReportSection:
    """One evaluation and the records that its scores belong to.

    Args:
        result: `EvaluationResult`.
        query: sequence of records, one for each row of `result.scores`: `ImageRecord`s, or others with its fields.
        gallery: the same, one for each column.
        matches: `Matches` of the pairs that a report shows, or `None`. Defaults to `None`. One section of each data
            set suffices.

    Raises:
        ValueError: if the records do not fit the scores.

    Example:
        >>> from types import SimpleNamespace
        >>> import numpy as np
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.explain.report import ReportSection
        >>> result = SimpleNamespace(scores=np.array([[0.25]]))
        >>> len(ReportSection(result, [ImageRecord("q.jpg", 7)], [ImageRecord("g.jpg", 7)]).query)
        1
    """

    result: Any
    query: Sequence[Any]
    gallery: Sequence[Any]
    matches: Matches | None = None

    def __post_init__(self):
        if self.result.scores.shape != (len(self.query), len(self.gallery)):
            raise ValueError(
                "Expected one query record for each row of the scores and one gallery record for each column. "
                f"Received: scores.shape={self.result.scores.shape}, {len(self.query)} query records, "
                f"{len(self.gallery)} gallery records"
            )


def write_report(
    path: str | os.PathLike,
    title: str,
    evaluations: Sequence[ReportSection],
    run: Mapping[str, Any] | None = None,
    limits: ReportLimits | None = None,
) -> None:
    """Writes a self-contained HTML report of some evaluations.

    It holds a table of all numbers and what made them; for each data set its curves, its pairs of cameras, a browser of
    queries with their ranked answers, what each further scoring changed and why, and what looks like a wrong label.
    Where there are `matches`, each pair shown can be opened to point at a place and see where it matched. The file
    loads nothing: its images are inside, and its own policy forbids the browser any request, and any script or style
    but its own. The same input gives the same bytes.

    Args:
        path: str or path. The file to write, atomically. An earlier report is replaced; any other file is not.
        title: str. The page's heading.
        evaluations: sequence of `ReportSection`, at least one. Those of equal `result.dataset` are shown together;
            `result.scoring` tells them apart.
        run: mapping or None. What made the results, such as seed, flags, versions and seconds; a value may be a
            mapping itself, such as all flags. Defaults to `None`.
        limits: `ReportLimits` or None. How many queries and answers are shown; those that the matches were made for.
            Defaults to `None`, those of `ReportLimits()`.

    Raises:
        ValueError: if there is no evaluation.
        UserError: if `path` cannot be written or holds something else than a report, or an image cannot be read.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> from PIL import Image
        >>> from qaconv_tf.datasets.records import ImageRecord
        >>> from qaconv_tf.evaluation.evaluator import EvaluationResult
        >>> from qaconv_tf.evaluation.ranking import evaluate_ranking
        >>> from qaconv_tf.explain.report import ReportSection, write_report
        >>> scores = np.array([[0.25, 0.75]], np.float32)
        >>> seconds = {"extraction": 1.0, "matching": 0.5, "ranking": 0.1}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     records = []
        ...     for camera, colour in enumerate(["red", "blue", "maroon"]):
        ...         Image.new("RGB", (32, 64), colour).save(f"{folder}/{colour}.png")
        ...         identity = "bob" if colour == "blue" else "ann"
        ...         records.append(ImageRecord(f"{folder}/{colour}.png", identity, camera))
        ...     query, gallery = records[:1], records[1:]
        ...     ranking = evaluate_ranking(scores, query, gallery)
        ...     result = EvaluationResult("colours", "matching", "auto", "fp32", ranking, scores, seconds)
        ...     write_report(f"{folder}/report.html", "Colours", [ReportSection(result, query, gallery)], {"seed": 1})
        ...     with open(f"{folder}/report.html", encoding="utf-8") as file:
        ...         html = file.read()
        >>> "<h1>Colours</h1>" in html, html.count('"/9j/')
        (True, 3)
    """
    if not evaluations:
        raise ValueError(f"Expected at least one evaluation. Received: evaluations={evaluations!r}")
    path = pathlib.Path(path)
    _check_replaceable(path)
    images = PageImages()
    by_dataset = _by_dataset(evaluations)
    datasets = [_dataset(same, limits or ReportLimits(), images, len(by_dataset)) for same in by_dataset]
    style, script = _read("report.css"), "\n".join(_read(f"report_{name}.js") for name in _SCRIPTS)
    html = _template().render(
        signature=markupsafe.Markup(SIGNATURE),
        policy=_policy(style, script),
        title=title,
        rows=[section.result.to_results() for section in evaluations],
        datasets=datasets,
        short=_short_names([dataset["name"] for dataset in datasets]),
        data=_json([dataset["page"] for dataset in datasets]),
        thumbnails=_json([thumbnail(image) for image in images.paths]),
        run=run or {},
        style=markupsafe.Markup(style),
        script=markupsafe.Markup(script),
    )
    # A file name that is no text must not stop the report: its bytes are shown as escapes.
    _replace(path, html.encode("utf-8", "backslashreplace"))


def _by_dataset(evaluations):
    sections = {}
    for section in evaluations:
        sections.setdefault(section.result.dataset, []).append(section)
    return sections.values()


def _dataset(sections, limits, images, num_datasets):
    """What the template shows of one data set, and what its page computes with."""
    results, query, gallery = [section.result for section in sections], sections[0].query, sections[0].gallery
    matches = next((section.matches for section in sections if section.matches is not None), None)
    name, camera_filter = results[0].dataset, results[0].ranking.camera_filter
    shown = shown_queries(results, query, gallery, limits, matches.locations if matches else 0, num_datasets)
    precisions = [precision_at_recall(result.scores, query, gallery, camera_filter) for result in results]
    last = max(len(result.ranking.cmc) for result in results)
    return {
        "name": name,
        "results": results,
        "ranks": [rank for rank in (1, 5, 10, 20, 50) if rank <= last],
        "cmc": cmc_chart(name, results),
        "precision": precision_chart(name, results, precisions),
        "camera_pairs": camera_pairs(results[0].scores, query, gallery, camera_filter),
        "page": DatasetPage(results, query, gallery, shown, matches, images).to_page()
        | {"numAnswers": limits.answers},
    }


def _short_names(names):
    """Name -> the last part of its path, unless another data set's is the same."""
    short = {name: os.path.basename(name.rstrip("/")) for name in names}
    return {name: short[name] if list(short.values()).count(short[name]) == 1 else name for name in names}


def _json(value):
    """JSON that may stand in a script element: nothing in it can end the element, or begin a comment."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return markupsafe.Markup(text.replace("<", "\\u003c"))


def _policy(style, script):
    """Allows what the file brings, by its hash, and nothing else: no request, and no script that a name smuggles in."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") for text in (style, script)]
    return "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'".format(*hashes)


def _read(name):
    return (_FOLDER / name).read_text(encoding="utf-8")


def _template():
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, plain=_plain, camera=_camera)
    return environment.get_template("report.html")


def _camera(camera):
    return "unknown" if camera is None else str(camera)


def _plain(value):
    """A value of a run as a reader wants it: short numbers, lists without brackets."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return str(value)


def _check_replaceable(path):
    """Raises a `UserError`, before any work, if writing would destroy something that is no report."""
    try:
        with open(path, "rb") as file:
            ours = SIGNATURE.encode() in file.read(1024)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _cannot_write(path, error) from error
    if not ours:
        raise UserError(
            f"Expected no file, or an earlier report to replace. Received: path={os.fspath(path)!r}, which is no "
            "report of qaconv_tf. Choose another path or remove the file"
        )


def _replace(path, content):
    """Writes beside the path and then renames, so that a reader meets the old report or the new one, never a half."""
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise _cannot_write(path, error) from error


def _cannot_write(path, error):
    return UserError(
        f"Expected a report file that can be written. Received: path={os.fspath(path)!r} ({error.strerror}). "
        "Check the folder and its permissions"
    )
