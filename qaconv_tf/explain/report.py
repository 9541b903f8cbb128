"""Evaluation results -> one HTML file that opens from disk: numbers, curves and ranked answers, without a network."""

import base64
import dataclasses
import io
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import markupsafe
from PIL import Image, ImageOps

from qaconv_tf.errors import UserError
from qaconv_tf.explain.ranked_strips import queries_to_show, ranked_strip

# A file that holds this is a report of ours, which the next report may replace.
SIGNATURE = '<meta name="generator" content="qaconv_tf report">'
THUMBNAIL_SIZE = (192, 96)  # width, height: only images wider than two squares end up lower than 96
JPEG_QUALITY = 80


@dataclasses.dataclass(frozen=True, eq=False)
class ReportSection:
    """One evaluation and the records that its scores belong to.

    Args:
        result: `EvaluationResult`.
        query: sequence of records with `.path`, `.identity` and `.camera`, one for each row of `result.scores`.
        gallery: the same, one for each column.

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

    def __post_init__(self):
        if self.result.scores.shape != (len(self.query), len(self.gallery)):
            raise ValueError(
                "Expected one query record for each row of the scores and one gallery record for each column. "
                f"Received: scores.shape={self.result.scores.shape}, {len(self.query)} query records, "
                f"{len(self.gallery)} gallery records"
            )


def write_report(
    path: str | os.PathLike, title: str, evaluations: Sequence[ReportSection], run: Mapping[str, Any] | None = None
) -> None:
    """Writes a self-contained HTML report of some evaluations.

    It holds a table of all numbers and what made them, a CMC chart for each data set, and for the queries with the
    worst, median and best average precision the first ten answers as thumbnails. Where a data set was evaluated more
    than once, these are the answers of its first evaluation given; the curves show all. The file loads nothing: its
    images are inside, and its own policy forbids the browser any request. The same input gives the same bytes.

    Args:
        path: str or path. The file to write, atomically. An earlier report is replaced; any other file is not.
        title: str. The page's heading.
        evaluations: sequence of `ReportSection`, at least one. Those of equal `result.dataset` are shown together;
            `result.scoring` tells them apart.
        run: mapping or None. What made the results, such as seed, flags, versions and seconds; a value may be a
            mapping itself, such as all flags. Defaults to `None`.

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
        >>> "<h1>Colours</h1>" in html, html.count("data:image/jpeg")
        (True, 3)
    """
    if not evaluations:
        raise ValueError(f"Expected at least one evaluation. Received: evaluations={evaluations!r}")
    path = pathlib.Path(path)
    _check_replaceable(path)
    datasets = _by_dataset(evaluations)
    thumbnails = _read_thumbnails(datasets)
    html = _template().render(
        signature=markupsafe.Markup(SIGNATURE),
        title=title,
        rows=[section.result.to_results() for section in evaluations],
        datasets=datasets,
        thumbnails=list(thumbnails.values()),
        thumbnail_of={image: number for number, image in enumerate(thumbnails)},
        run=run or {},
    )
    # A file name that is no text must not stop the report: its bytes are shown as escapes.
    _replace(path, html.encode("utf-8", "backslashreplace"))


def _by_dataset(evaluations):
    """For each data set its results, and the strips of the first of them."""
    sections = {}
    for section in evaluations:
        sections.setdefault(section.result.dataset, []).append(section)
    return [
        {
            "name": name,
            "results": [section.result for section in same],
            "strips": {group: [_strip(same[0], row) for row in rows] for group, rows in _chosen_rows(same[0]).items()},
        }
        for name, same in sections.items()
    ]


def _chosen_rows(section):
    return queries_to_show(section.result.ranking.average_precision)


def _strip(section, row):
    ranking = section.result.ranking
    return {
        "ranked": ranked_strip(section.result.scores[row], section.query[row], section.gallery, ranking.camera_filter),
        "average_precision": ranking.average_precision[row],
    }


def _read_thumbnails(datasets):
    """Returns path -> data URI of every image shown; each is embedded once, however often it is shown."""
    thumbnails = {}
    for dataset in datasets:
        for strips in dataset["strips"].values():
            for strip in strips:
                for record in (strip["ranked"].query, *(image.record for image in strip["ranked"].images)):
                    if record.path not in thumbnails:
                        thumbnails[record.path] = _thumbnail(record.path)
    return thumbnails


def _thumbnail(path):
    try:
        with Image.open(path) as image:
            small = ImageOps.contain(ImageOps.exif_transpose(image).convert("RGB"), THUMBNAIL_SIZE)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = error.strerror if getattr(error, "strerror", None) else " ".join(str(error).split())
        raise UserError(
            f"Expected an image to show in the report. Received: path={os.fspath(path)!r} ({reason}). Put the image "
            "back and write the report again"
        ) from error
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _template():
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=_percent, plain=_plain, basename=os.path.basename)
    return environment.get_template("report.html")


def _percent(share):
    return f"{100 * share:.1f}%"


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
