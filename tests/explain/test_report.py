import base64
import dataclasses
import html.parser
import io
import itertools
import os
import pathlib
import re

import numpy as np
import pytest
from PIL import Image

from qaconv_tf.datasets.records import ImageRecord
from qaconv_tf.datasets.registry import load_dataset
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.evaluator import EvaluationResult
from qaconv_tf.evaluation.ranking import evaluate_ranking
from qaconv_tf.explain.report import ReportSection, write_report
from tests.oracles import ranked_strips as oracle

PETS2009 = pathlib.Path(__file__).parents[1] / "data" / "pets2009"
SYMBOLS = {"right": "✓", "wrong": "✗", "ignored": "–"}
EMPTY_TAGS = {"meta", "path", "circle", "polyline"}  # path and its like close themselves: "/>"
RUN = {
    "seed": 17,
    "seconds": 12.3456789,
    "flags": {"learning_rate": 0.0005, "test_datasets": ["pets2009", "elsewhere"]},
    "versions": {"keras": "3.15.1"},
}


class Node:
    def __init__(self, tag, attributes):
        self.tag, self.attributes, self.children = tag, attributes, []

    def walk(self):
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def find(self, *tags, **attributes):
        return [
            node for node in self.walk()
            if node.tag in tags and all(node.attributes.get(name) == value for name, value in attributes.items())
        ]  # fmt: skip

    @property
    def text(self):
        words = "".join(child.text if isinstance(child, Node) else child for child in self.children)
        return " ".join(words.split())


class Parser(html.parser.HTMLParser):
    """Builds a tree and fails where a browser would have to guess: an end tag that closes another element."""

    def __init__(self):
        super().__init__()
        self.open = [Node("root", {})]

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes), (tag, attributes)
        node = Node(tag, dict(attributes))
        self.open[-1].children.append(node)
        if tag not in EMPTY_TAGS:
            self.open.append(node)

    def handle_endtag(self, tag):
        if tag not in EMPTY_TAGS:
            assert self.open.pop().tag == tag, self.getpos()

    def handle_data(self, data):
        self.open[-1].children.append(data)


def parse(path):
    parser = Parser()
    parser.feed(path.read_text(encoding="utf-8"))
    parser.close()
    assert len(parser.open) == 1
    return parser.open[0]


def random_section(dataset, query, gallery, scoring="matching", seed=0):
    generator = np.random.default_rng([60, seed])
    scores = generator.normal(size=(len(query), len(gallery))).astype(np.float32)
    engine, precision = ("auto", "fp32") if scoring == "matching" else (None, None)
    seconds = dict(zip(("extraction", "matching", "ranking"), generator.uniform(0.5, 90, 3).tolist(), strict=True))
    ranking = evaluate_ranking(scores, query, gallery)
    return ReportSection(
        EvaluationResult(dataset, scoring, engine, precision, ranking, scores, seconds), query, gallery
    )


@pytest.fixture(scope="module")
def sections():
    pets = load_dataset("market1501", PETS2009)
    lonely = dataclasses.replace(pets.query[0], identity=77)  # without a right answer
    return [
        random_section("pets2009", pets.query, pets.gallery, seed=1),
        random_section("pets2009", pets.query, pets.gallery, "pooled", seed=2),
        random_section("elsewhere", (lonely, *pets.query[::5]), pets.gallery[::9], seed=3),
    ]


@pytest.fixture(scope="module")
def report(sections, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, "Two data sets", sections, RUN)
    return path


@pytest.fixture(scope="module")
def page(report):
    return parse(report)


@pytest.fixture
def colours(tmp_path):
    """A section of three small images of two people."""
    records = []
    for camera, (identity, colour) in enumerate([("ann", "red"), ("bob", "blue"), ("ann", "maroon")]):
        path = tmp_path / f"{colour}.png"
        Image.new("RGB", (20, 48), colour).save(path)
        records.append(ImageRecord(str(path), identity, camera))
    return random_section("colours", records[:1], records[1:])


def renamed(section, record_number, **changes):
    gallery = list(section.gallery)
    gallery[record_number] = dataclasses.replace(gallery[record_number], **changes)
    return dataclasses.replace(section, gallery=gallery)


def percent(share):
    return f"{round(float(share) * 100, 1):.1f}%"


def test_headings_captions_and_labels(page):
    assert [node.text for node in page.find("title", "h1")][:2] == ["Two data sets", "Two data sets"]
    levels = [int(node.tag[1]) for node in page.find("h1", "h2", "h3", "h4")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    assert [node.text for node in page.find("h2")] == ["Results", "pets2009", "elsewhere", "Run"]
    assert all(table.find("caption") for table in page.find("table"))
    assert all(node.attributes["scope"] in ("row", "col") for node in page.find("th"))
    names = [node.attributes["id"] for node in page.walk() if "id" in node.attributes]
    assert len(names) == len(set(names))
    for node in page.walk():
        assert set(node.attributes.get("aria-labelledby", "").split()) <= set(names)
    assert all(node.attributes["aria-label"] for node in page.find("span", role="img"))


def test_tables_hold_every_number_of_the_results(page, sections):
    first, second = (
        [[cell.text for cell in row.find("th", "td")] for row in table.find("tr")] for table in page.find("table")[:2]
    )
    assert len(first) == len(second) == 1 + len(sections)
    for section, numbers, making in zip(sections, first[1:], second[1:], strict=True):
        results = section.result.to_results()
        shares = [percent(results[name]) for name in ("rank1", "rank5", "rank10", "mAP", "mAP_trapezoid", "mINP")]
        counts = [str(results["num_query"]), str(results["num_gallery"])]
        made = {name: results["seconds"][name] for name in ("extraction", "matching")}
        more = sum(results["seconds"].get(name, 0) for name in ("more_matching", "reranking", "temporal_lifting"))
        seconds = [f"{value:.1f} s" for value in (*made.values(), more, results["seconds"]["ranking"])]
        total = f"{sum(results['seconds'].values()):.1f} s"
        assert numbers == [results["dataset"], results["scoring"], *shares, *counts, total]
        made_by = [results["protocol"], results["engine"] or "none", results["precision"] or "none"]
        speed = f"{round(results['pairs_per_second']):,}"
        assert making == [
            results["dataset"],
            results["scoring"],
            *made_by,
            str(results["num_skipped"]),
            *seconds,
            speed,
        ]
    assert [row[5] for row in second[1:]] == ["0", "0", "1"]


def test_re_ranked_and_lifted_scores_have_a_row_that_says_what_they_took(tmp_path, colours):
    seconds = colours.result.seconds | {"more_matching": 20.0, "reranking": 3.0, "temporal_lifting": 0.5}
    result = dataclasses.replace(colours.result, scoring="matching + re-ranking + temporal lifting", seconds=seconds)
    write_report(tmp_path / "report.html", "x", [colours, dataclasses.replace(colours, result=result)])
    rows = parse(tmp_path / "report.html").find("table")[1].find("tr")[1:]
    cells = [[cell.text for cell in row.find("th", "td")] for row in rows]
    assert [row[1] for row in cells] == ["matching", "matching + re-ranking + temporal lifting"]
    assert [row[8] for row in cells] == ["0.0 s", "23.5 s"]


def test_without_camera_filter_the_own_camera_is_an_answer(tmp_path, colours):
    section = renamed(colours, 1, camera=colours.query[0].camera)
    assert section.gallery[1].identity == section.query[0].identity
    for camera_filter, mark, told in (("same_identity", "ignored", "fp32"), ("none", "right", "no camera filter")):
        ranking = evaluate_ranking(section.result.scores, section.query, colours.gallery, camera_filter=camera_filter)
        result = dataclasses.replace(section.result, ranking=ranking)
        write_report(tmp_path / "report.html", "x", [dataclasses.replace(section, result=result)])
        page = parse(tmp_path / "report.html")
        marks = [node.attributes["class"] for strip in page.find("ol") for node in strip.find("li")]
        assert sorted(marks) == sorted([mark, "wrong"])
        assert told in page.find("table")[1].text


def test_curves_are_the_cmc(page, sections):
    by_dataset = [sections[:2], sections[2:]]
    for chart, table, same in zip(page.find("svg", role="img"), page.find("table")[2:], by_dataset, strict=True):
        assert chart.find("title")[0].text == f"CMC curve of {same[0].result.dataset}"
        for line, section in zip(chart.find("polyline"), same, strict=True):
            cmc = section.result.ranking.cmc
            points = np.array([point.split(",") for point in line.attributes["points"].split()], float)
            assert points.shape == (len(cmc), 2)
            np.testing.assert_allclose(points[:, 0], np.linspace(46, 412, len(cmc)), atol=0.051)
            np.testing.assert_allclose((222 - points[:, 1]) / 210, cmc, atol=0.051 / 210)
        ranks = [int(cell.text.removeprefix("rank-")) for cell in table.find("th", scope="col")[1:]]
        assert ranks == [rank for rank in (1, 5, 10, 20, 50) if rank <= len(cmc)]
        for row, section in zip(table.find("tr")[1:], same, strict=True):
            assert row.find("th")[0].text == section.result.scoring
            assert [cell.text for cell in row.find("td")] == [percent(section.result.ranking.cmc[k - 1]) for k in ranks]


def test_strips_mark_right_wrong_and_ignored_as_a_plain_loop_does(page, sections):
    expected = []
    for section in (sections[0], sections[2]):
        average_precision = section.result.ranking.average_precision
        for rows in oracle.queries_to_show(average_precision.tolist()).values():
            expected += [(section, row, average_precision[row]) for row in rows]
    strips = page.find("article")
    assert len(strips) == len(expected) == 16
    marks = set()
    for strip, (section, row, average_precision) in zip(strips, expected, strict=True):
        query, scores = section.query[row], section.result.scores[row]
        about = f"identity {query.identity}, camera {query.camera}"
        assert strip.find("h4")[0].text == f"{about.capitalize()} average precision {percent(average_precision)}"
        assert strip.find("span", role="img")[0].attributes["aria-label"] == f"Query: {about}"
        shown, _ = oracle.ranked_strip(scores, query, section.gallery)
        for item, (position, mark, rank) in zip(strip.find("li"), shown, strict=True):
            record = section.gallery[position]
            role = "Ignored" if rank is None else f"Answer {rank}"
            picture = item.find("span", role="img")[0].attributes
            assert picture["aria-label"] == f"{role}: identity {record.identity}, camera {record.camera}"
            assert picture["title"].endswith(os.path.basename(record.path))
            assert item.attributes["class"] == mark
            assert item.text == f"{rank or ''} {SYMBOLS[mark]} {mark} {scores[position]:.3f}".strip()
            marks.add(mark)
    assert marks == set(SYMBOLS)


def test_each_thumbnail_is_embedded_once_and_is_its_image(page, report, sections):
    uris = re.findall(
        r"\.p(\d+) \{ background-image: url\(data:image/jpeg;base64,([^)]+)\); \}", report.read_text("utf-8")
    )
    assert [int(number) for number, _ in uris] == list(range(len(uris)))
    assert len({content for _, content in uris}) == len(uris)
    records = [record for section in sections for record in (*section.query, *section.gallery)]
    path_of = {os.path.basename(record.path): record.path for record in records}
    shown = {}
    for picture in page.find("span", role="img"):
        shown.setdefault(picture.attributes["title"].split(": ")[1], set()).add(picture.attributes["class"].split()[1])
    assert len(shown) == len(uris) and all(len(classes) == 1 for classes in shown.values())
    for name, classes in shown.items():
        thumbnail = Image.open(io.BytesIO(base64.b64decode(uris[int(classes.pop()[1:])][1])))
        assert (thumbnail.format, thumbnail.height) == ("JPEG", 96)
        original = Image.open(path_of[name]).convert("RGB").resize(thumbnail.size)
        difference = np.asarray(thumbnail, float) - np.asarray(original, float)
        assert np.abs(difference).mean() < 8, name


@pytest.mark.parametrize(
    ("mode", "size", "thumbnail_size"),
    [("L", (20, 48), (40, 96)), ("RGBA", (500, 100), (192, 38)), ("P", (300, 600), (48, 96))],
)
def test_thumbnails_of_other_modes_and_shapes(colours, tmp_path, mode, size, thumbnail_size):
    pixels = np.random.default_rng(64).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(colours.gallery[1].path)
    write_report(tmp_path / "report.html", "Colours", [colours])
    uris = re.findall(r"base64,([^)]+)\)", (tmp_path / "report.html").read_text("utf-8"))
    sizes = [Image.open(io.BytesIO(base64.b64decode(uri))).size for uri in uris]
    assert sorted(sizes) == sorted([(40, 96), (40, 96), thumbnail_size])


def test_page_loads_nothing_and_is_small(page, report, sections, tmp_path):
    content = report.read_text("utf-8")
    assert "http://" not in content and "https://" not in content and "@import" not in content
    assert {uri[:23] for uri in re.findall(r"url\(([^)]*)\)", content)} == {"data:image/jpeg;base64,"}
    assert not page.find("script", "link", "img", "iframe", "object", "base")
    for node in page.walk():
        assert not {"src", "srcset", "action", "style"} & set(node.attributes)
        assert node.attributes.get("href", "#").startswith("#")
    (policy,) = page.find("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy.attributes["content"].startswith("default-src 'none'; ")
    write_report(tmp_path / "pets2009.html", "pets2009", sections[:1], RUN)
    assert (tmp_path / "pets2009.html").stat().st_size < 600_000


def test_run_is_shown_with_its_groups(page):
    section = page.find("section")[-1]
    shown = {entry.find("dt")[0].text: entry.find("dd")[0].text for entry in section.find("div")}
    assert shown == {
        "seed": "17", "seconds": "12.3457", "learning_rate": "0.0005", "test_datasets": "pets2009, elsewhere",
        "keras": "3.15.1",
    }  # fmt: skip
    assert [node.text for node in section.find("summary")] == ["flags", "versions"]


def test_without_a_run_there_is_no_such_section(colours, tmp_path):
    write_report(tmp_path / "report.html", "Colours", [colours])
    assert [node.text for node in parse(tmp_path / "report.html").find("h2")] == ["Results", "colours"]


def test_hostile_text_stays_text(colours, tmp_path):
    attack = "</style></title><script>alert('1')</script>\"&"
    name = 'x" onload="\'><script>.png'
    os.rename(colours.gallery[0].path, tmp_path / name)
    section = renamed(colours, 0, path=str(tmp_path / name), identity=attack)
    result = dataclasses.replace(section.result, dataset=attack, scoring=attack)
    path = tmp_path / "report.html"
    write_report(
        path, attack, [dataclasses.replace(section, result=result)], {attack: attack, "flags": {attack: [attack]}}
    )
    page = parse(path)
    assert not page.find("script")
    assert all(node.text == attack for node in (*page.find("h1"), page.find("title")[0], page.find("h2")[1]))
    labels = [node.attributes["aria-label"] for node in page.find("span", role="img")]
    assert any(label.startswith("Answer ") and f": identity {attack}, camera 1" in label for label in labels)
    assert any(node.attributes["title"].endswith(f": {name}") for node in page.find("span", role="img"))
    assert not any(attribute.startswith("on") for node in page.walk() for attribute in node.attributes)
    assert [node.text for node in page.find("dd")[-2:]] == [attack, attack]


def test_file_name_that_is_no_text(colours, tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"\xff.png")
    try:
        os.rename(colours.gallery[0].path, path)
    except OSError:
        pytest.skip("this file system holds only names that are text")
    write_report(tmp_path / "report.html", "Colours", [renamed(colours, 0, path=os.fsdecode(path))])
    assert "\\udcff.png" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize("damage", ["missing", "truncated", "text"])
def test_image_that_cannot_be_shown_is_named(colours, tmp_path, damage):
    image = pathlib.Path(colours.gallery[1].path)
    whole = image.read_bytes()
    if damage == "missing":
        image.unlink()
    else:
        image.write_bytes(whole[:60] if damage == "truncated" else b"no image")
    with pytest.raises(UserError, match=re.escape(repr(str(image)))) as caught:
        write_report(tmp_path / "report.html", "Colours", [colours])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report.html").exists()


def test_an_earlier_report_is_replaced_and_equal_input_gives_equal_bytes(colours, tmp_path):
    path = tmp_path / "report.html"
    write_report(path, "First", [colours])
    first = path.read_bytes()
    write_report(path, "Second", [colours])
    assert parse(path).find("h1")[0].text == "Second"
    write_report(path, "First", [colours])
    assert path.read_bytes() == first
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><title>mine</title>", b"\xff\xfe\x00"])
def test_a_file_that_is_no_report_is_not_replaced(colours, tmp_path, content):
    path = tmp_path / "notes.html"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"Expected no file, or an earlier report.*{re.escape(repr(str(path)))}"):
        write_report(path, "Colours", [colours])
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["", "missing/report.html", "red.png/report.html"])
def test_a_path_that_cannot_be_written(colours, tmp_path, name):
    with pytest.raises(UserError, match="Expected a report file that can be written.*Received: path=") as caught:
        write_report(tmp_path / name, "Colours", [colours])
    assert "\n" not in str(caught.value)


def test_a_write_that_fails_leaves_the_earlier_report(colours, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    write_report(path, "First", [colours])
    first = path.read_bytes()

    def full_disk(self, content):
        with open(self, "wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_bytes", full_disk)
    with pytest.raises(UserError, match="No space left on device"):
        write_report(path, "Second", [colours])
    assert path.read_bytes() == first
    assert not list(tmp_path.glob("*.part"))


def test_records_that_do_not_fit_the_scores(colours):
    with pytest.raises(ValueError, match=r"Received: scores.shape=\(1, 2\), 1 query records, 1 gallery records"):
        dataclasses.replace(colours, gallery=colours.gallery[:1])


def test_no_evaluation(tmp_path):
    with pytest.raises(ValueError, match="Expected at least one evaluation"):
        write_report(tmp_path / "report.html", "Nothing", [])
