import base64
import dataclasses
import hashlib
import html.parser
import io
import itertools
import json
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
from qaconv_tf.explain.shown import shown_queries
from tests.oracles import ranked_strips as oracle

PETS2009 = pathlib.Path(__file__).parents[1] / "data" / "pets2009"
MARKS = ("right", "wrong", "ignored")
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
        random_section("elsewhere", (lonely, *pets.query[1::5]), pets.gallery[::9], seed=3),
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
    assert [node.text for node in page.find("h2")] == ["Results", "pets2009", "elsewhere", "Fixes of labels", "Run"]
    assert all(table.find("caption") for table in page.find("table"))
    assert all(node.attributes["scope"] in ("row", "col") for node in page.find("th"))
    names = [node.attributes["id"] for node in page.walk() if "id" in node.attributes]
    assert len(names) == len(set(names))
    for node in page.walk():
        assert set(node.attributes.get("aria-labelledby", "").split()) <= set(names)
    assert all(node.attributes["aria-labelledby"] for node in page.find("svg", role="img"))


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


def test_share_is_explained_with_and_without_references(page):
    share = next(node.text for node in page.find("dd") if "adds to a pair's score" in node.text)
    assert "images of others" in share and "show one identity alone, in training" in share


def test_intervals_stand_beneath_their_numbers(tmp_path, colours):
    intervals = {"rank1": (0.25, 0.755), "mAP": (0.125, 1.0)}
    given = dataclasses.replace(colours, result=dataclasses.replace(colours.result, intervals=intervals))
    write_report(tmp_path / "report.html", "x", [given])
    table = parse(tmp_path / "report.html").find("table")[0]
    names = [head.text for head in table.find("tr")[0].find("th")]
    cells = dict(zip(names, table.find("tr")[1].find("th", "td"), strict=True))
    told = {name: [one.text for one in cell.find("span")] for name, cell in cells.items() if cell.find("span")}
    assert told == {"rank-1": ["25.0 to 75.5"], "mAP (step)": ["12.5 to 100.0"]}
    assert "95 % confidence interval" in table.find("caption")[0].text
    write_report(tmp_path / "report.html", "x", [colours])
    assert "interval" not in parse(tmp_path / "report.html").find("table")[0].text


def test_without_camera_filter_the_own_camera_is_an_answer(tmp_path, colours):
    section = renamed(colours, 1, camera=colours.query[0].camera)
    assert section.gallery[1].identity == section.query[0].identity
    for camera_filter, mark, told in (("same_identity", "ignored", "fp32"), ("none", "right", "no camera filter")):
        ranking = evaluate_ranking(section.result.scores, section.query, colours.gallery, camera_filter=camera_filter)
        result = dataclasses.replace(section.result, ranking=ranking)
        write_report(tmp_path / "report.html", "x", [dataclasses.replace(section, result=result)])
        page = parse(tmp_path / "report.html")
        marks = [MARKS[answer[1]] for answer in data_of(page)[0]["queries"][0]["answers"][0]]
        assert sorted(marks) == sorted([mark, "wrong"])
        assert told in page.find("table")[1].text


def points_of(line):
    return np.array([point.split(",") for point in line.attributes["points"].split()], float)


def test_curves_are_the_cmc_and_the_precision(page, sections):
    by_dataset = [sections[:2], sections[2:]]
    charts = page.find("svg", role="img")
    assert len(charts) == 4
    tables = page.find("table")[2::2]
    for cmc, precision, table, same in zip(charts[::2], charts[1::2], tables, by_dataset, strict=True):
        name = same[0].result.dataset
        assert cmc.find("title")[0].text == f"CMC curve of {name}"
        assert precision.find("title")[0].text == f"Precision-recall curve of {name}"
        for line, other, section in zip(cmc.find("polyline"), precision.find("polyline"), same, strict=True):
            expected = section.result.ranking.cmc
            points = points_of(line)
            assert points.shape == (len(expected), 2)
            np.testing.assert_allclose(points[:, 0], np.linspace(46, 412, len(expected)), atol=0.051)
            np.testing.assert_allclose((222 - points[:, 1]) / 210, expected, atol=0.051 / 210)
            area = (222 - points_of(other)[:, 1]).mean() / 210
            assert area == pytest.approx(section.result.ranking.mAP, abs=0.01)
        ranks = [int(cell.text.removeprefix("rank-")) for cell in table.find("th", scope="col")[1:]]
        assert ranks == [rank for rank in (1, 5, 10, 20, 50) if rank <= len(expected)]
        for row, section in zip(table.find("tr")[1:], same, strict=True):
            assert row.find("th")[0].text == section.result.scoring
            assert [cell.text for cell in row.find("td")] == [percent(section.result.ranking.cmc[k - 1]) for k in ranks]


def test_pairs_of_cameras_are_parts_of_the_evaluation(page, sections):
    for table, section in zip(page.find("table")[3::2], (sections[0], sections[2]), strict=True):
        cameras = sorted({record.camera for record in section.gallery})
        assert [cell.text for cell in table.find("th", scope="col")[1:]] == [f"gallery camera {one}" for one in cameras]
        answered = 0
        for row in table.find("tr")[1:]:
            for camera, cell in zip(cameras, row.find("td"), strict=True):
                query = [r for r, one in enumerate(section.query) if str(one.camera) == row.find("th")[0].text]
                gallery = [c for c, one in enumerate(section.gallery) if one.camera == camera]
                part = section.result.scores[np.ix_(query, gallery)]
                try:
                    ranking = evaluate_ranking(
                        part, [section.query[r] for r in query], [section.gallery[c] for c in gallery]
                    )
                except UserError:
                    assert cell.text == "–"
                    continue
                count = ranking.num_query - ranking.num_skipped
                assert cell.text == f"{percent(ranking.rank1)} / {percent(ranking.mAP)} ({count})"
                answered += 1
        assert answered > 3


def data_of(page, name="data"):
    (script,) = page.find("script", id=name)
    return json.loads("".join(script.children))


def test_answers_are_those_of_a_plain_loop(page, sections):
    first, second = data_of(page)
    assert (first["name"], second["name"]) == ("pets2009", "elsewhere")
    assert first["scorings"] == ["matching", "pooled"]
    marks = set()
    for data, same in ((first, sections[:2]), (second, sections[2:])):
        assert len(data["queries"]) == data["numQueries"] == len(same[0].query)
        for row, query in enumerate(data["queries"]):
            assert data["images"][str(query["image"])][1:3] == [same[0].query[row].identity, same[0].query[row].camera]
            for section, answers, precision in zip(same, query["answers"], query["precision"], strict=True):
                expected = section.result.ranking.average_precision[row]
                assert precision == (None if np.isnan(expected) else pytest.approx(expected, abs=1e-4))
                shown = oracle.ranked_strip(section.result.scores[row], section.query[row], section.gallery)[0]
                everything, _ = oracle.ranked_strip(
                    section.result.scores[row], section.query[row], section.gallery, len(section.gallery)
                )
                further = [one for one in everything if one[1] == "right" and one[2] > 10]
                for answer, (position, mark, rank) in zip(answers, shown + further, strict=True):
                    image, number, at, score, _ = answer
                    record = section.gallery[position]
                    assert data["images"][str(image)][0].endswith(os.path.basename(record.path))
                    assert (MARKS[number], at) == (mark, rank or 0)
                    assert score == pytest.approx(section.result.scores[row, position], abs=1e-5)
                    marks.add(mark)
    assert marks == set(MARKS)


def test_earlier_ranks_are_those_of_the_first_scoring(page):
    for query in data_of(page)[0]["queries"]:
        first, second = query["answers"]
        rank_of = {image: rank for image, _, rank, *_ in first}
        assert all(rank == earlier for _, _, rank, _, earlier in first)
        known = [(rank_of[image], earlier) for image, _, _, _, earlier in second if image in rank_of]
        assert known and all(rank == earlier for rank, earlier in known)


def test_answers_that_a_scoring_threw_out_have_their_new_rank(page, sections):
    data = data_of(page)[0]
    query, gallery = sections[0].query, sections[0].gallery
    positions = {os.path.basename(record.path): position for position, record in enumerate(gallery)}
    thrown_out = 0
    for row, entry in enumerate(data["queries"]):
        first, second = (
            {position: place for position, *place in oracle.ranked_strip(scores, query[row], gallery, len(gallery))[0]}
            for scores in (section.result.scores[row] for section in sections[:2])
        )
        kept = {image for image, mark, *_ in entry["answers"][0] if MARKS[mark] != "ignored"}
        assert entry["fallen"][0] == []
        assert {image for image, *_ in entry["fallen"][1]} == kept - {image for image, *_ in entry["answers"][1]}
        for image, mark, rank, score, earlier in entry["fallen"][1]:
            position = positions[os.path.basename(data["images"][str(image)][0])]
            assert (first[position], second[position]) == ([MARKS[mark], earlier], [MARKS[mark], rank])
            assert score == pytest.approx(sections[1].result.scores[row, position], abs=1e-5)
            thrown_out += 1
    assert thrown_out > 50


def test_each_thumbnail_is_embedded_once_and_is_its_image(page, sections):
    uris = data_of(page, "thumbnails")
    assert len(set(uris)) == len(uris)
    records = [record for section in sections for record in (*section.query, *section.gallery)]
    path_of = {os.path.basename(record.path): record.path for record in records}
    seen = set()
    for data in data_of(page):
        for number, (path, *_) in data["images"].items():
            thumbnail = Image.open(io.BytesIO(base64.b64decode(uris[int(number)])))
            original = Image.open(path_of[os.path.basename(path)]).convert("RGB").resize(thumbnail.size)
            assert thumbnail.format == "JPEG" and thumbnail.height <= 128
            difference = np.asarray(thumbnail, float) - np.asarray(original, float)
            assert np.abs(difference).mean() < 8, path
            seen.add(int(number))
    assert seen == set(range(len(uris)))


@pytest.mark.parametrize(
    ("mode", "size", "thumbnail_size"),
    [("L", (20, 48), (20, 48)), ("RGBA", (1000, 200), (256, 51)), ("P", (300, 600), (64, 128))],
)
def test_thumbnails_of_other_modes_and_shapes(colours, tmp_path, mode, size, thumbnail_size):
    pixels = np.random.default_rng(64).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(colours.gallery[1].path)
    write_report(tmp_path / "report.html", "Colours", [colours])
    uris = data_of(parse(tmp_path / "report.html"), "thumbnails")
    sizes = [Image.open(io.BytesIO(base64.b64decode(uri))).size for uri in uris]
    assert sorted(sizes) == sorted([(20, 48), (20, 48), thumbnail_size])


@pytest.mark.parametrize("queried", [True, False], ids=["a person", "distractors"])
def test_identity_0_is_one_person_if_somebody_queries_it(colours, tmp_path, queried):
    red, blue, maroon = (
        dataclasses.replace(record, identity=identity)
        for record, identity in zip((*colours.query, *colours.gallery), (7, 0, 7), strict=True)
    )
    query, gallery = [red, dataclasses.replace(red, identity=0)][: 1 + queried], [blue, maroon]
    scores = np.array([[0.9, 0.1], [0.2, 0.1]], np.float32)[: len(query)]
    result = dataclasses.replace(colours.result, scores=scores, ranking=evaluate_ranking(scores, query, gallery))
    write_report(tmp_path / "report.html", "Colours", [ReportSection(result, query, gallery)])
    (data,) = data_of(parse(tmp_path / "report.html"))
    assert data["strangers"]["count"] == 1
    assert set(data["members"]) == ({"0", "7"} if queried else {"7"})


def test_page_loads_nothing_and_is_small(page, report, sections, tmp_path):
    content = report.read_text("utf-8")
    assert "https://" not in content and "@import" not in content and "url(" not in content
    assert set(re.findall("http://[^\"]+", content)) == {"http://www.w3.org/2000/svg"}  # a name, not a request
    assert not page.find("link", "img", "iframe", "object", "base")
    for node in page.walk():
        assert not {"src", "srcset", "action", "style"} & set(node.attributes)
        assert not any(attribute.startswith("on") for attribute in node.attributes)
        assert node.attributes.get("href", "#").startswith("#")
    write_report(tmp_path / "pets2009.html", "pets2009", sections[:1], RUN)
    assert (tmp_path / "pets2009.html").stat().st_size < 1_000_000


def test_policy_allows_the_style_and_script_of_the_file_alone(page):
    (policy,) = page.find("meta", **{"http-equiv": "Content-Security-Policy"})
    (style,), (script,) = page.find("style"), page.find("script", type="module")
    hashes = [
        base64.b64encode(hashlib.sha256("".join(node.children).encode()).digest()).decode() for node in (style, script)
    ]
    assert policy.attributes["content"] == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'"
    )


def test_run_is_shown_with_its_groups(page):
    section = page.find("section")[-1]
    shown = {entry.find("dt")[0].text: entry.find("dd")[0].text for entry in section.find("div")}
    assert shown == {
        "seed": "17", "seconds": "12.3457", "learning_rate": "0.0005", "test_datasets": "pets2009, elsewhere",
        "keras": "3.15.1",
    }  # fmt: skip
    assert [node.text for node in section.find("summary")] == ["flags", "versions"]


def test_data_sets_share_the_size_of_the_file(sections, tmp_path, monkeypatch):
    given = []

    def shown(*arguments):
        given.append(arguments[-1])
        return shown_queries(*arguments)

    monkeypatch.setattr("qaconv_tf.explain.report.shown_queries", shown)
    write_report(tmp_path / "report.html", "Two data sets", sections, RUN)
    assert given == [2, 2]


def test_without_a_run_there_is_no_such_section(colours, tmp_path):
    write_report(tmp_path / "report.html", "Colours", [colours])
    headings = [node.text for node in parse(tmp_path / "report.html").find("h2")]
    assert headings == ["Results", "colours", "Fixes of labels"]


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
    assert [node.attributes.get("type") for node in page.find("script")] == ["application/json"] * 2 + ["module"]
    assert all(node.text == attack for node in (*page.find("h1"), page.find("title")[0], *page.find("p")[:1]))
    assert page.find("h2")[1].text == os.path.basename(attack)
    (data,) = data_of(page)
    assert [name, attack, 1, None] in list(data["images"].values())
    assert (data["name"], data["scorings"]) == (attack, [attack])
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
