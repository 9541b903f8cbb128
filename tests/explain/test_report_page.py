"""The report in a browser: what its reader clicks, points at and reads. Needs Chromium (`make chromium`)."""

import dataclasses
import importlib.resources
import os
import pathlib
import re
import shutil
import urllib.parse

import numpy as np
import pytest

from qaconv_tf.datasets.label_fixes import apply_label_fixes, read_label_fixes
from qaconv_tf.evaluation.ranking import evaluate_ranking
from qaconv_tf.explain.report import write_report
from qaconv_tf.explain.shown import ReportLimits
from tests.explain.small_run import SHAPE, small_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCREENSHOTS = pathlib.Path("build/screenshots")
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
MARKS = ("right", "wrong", "ignored")
HEIGHT, WIDTH, _ = SHAPE

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed, so the report's page is not tested: make chromium"
)


@pytest.fixture(scope="module")
def run():
    return small_run()


@pytest.fixture(scope="module")
def report(run, tmp_path_factory):
    return run.write(tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, report):
    """Opens the report at a width; afterwards nothing may have been said to the console, or asked of a network."""
    contexts, said = [], []

    def open_report(width="desktop", fragment="", **options):
        size = dict(zip(("width", "height"), WIDTHS.get(width, width), strict=True))
        context = browser.new_context(viewport=size, has_touch=width == "phone", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # of a machine that does much else
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if re.match("(http|ws)s?:", request.url) else None)
        page.goto(f"{report.as_uri()}{fragment}")
        page.wait_for_selector(".matcher .cells")
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert said == []


def data_of(page):
    return page.evaluate("JSON.parse(document.getElementById('data').textContent)")[0]


def shown_pair(page, run):
    """Row of the query and column of the answer that the matcher shows, by the files' names."""
    names = page.eval_on_selector_all(".frame img", "images => images.map(image => image.src)")
    thumbnails = page.evaluate("JSON.parse(document.getElementById('thumbnails').textContent)")
    images = data_of(page)["images"]
    paths = [os.path.basename(images[str(thumbnails.index(name.split(",")[1]))][0]) for name in names]
    rows = [os.path.basename(record.path) for record in run.dataset.query]
    columns = [os.path.basename(record.path) for record in run.dataset.gallery]
    return rows.index(paths[0]), columns.index(paths[1])


# What the matcher shows, in one question to the browser.
STATE = """() => {
    const box = (element) => {
        const { x, y, width, height } = element.getBoundingClientRect();
        return { x, y, width, height };
    };
    const marks = (frame) => [...frame.querySelectorAll(".cell")].map((cell) => (
        { kind: cell.classList[1], place: +cell.dataset.row * WIDTH + +cell.dataset.column, box: box(cell) }
    ));
    const frames = ["query", "answer"].map((side) => {
        const frame = document.querySelector(`.frame.${side}`);
        return [side, { picture: box(frame.querySelector(".picture")), marks: marks(frame) }];
    });
    return {
        ...Object.fromEntries(frames),
        ends: [...document.querySelectorAll(".lines .match circle")].map(box),
        told: document.querySelector(".place").innerText.replaceAll("−", "-"),
        sum: [...document.querySelectorAll(".sum dd")].map((one) => +one.innerText.replace("−", "-")),
    };
}""".replace("WIDTH", str(WIDTH))


def middle(box, place=None):
    """The middle of a box, or of a place in a picture."""
    across, down = (0.5, 0.5) if place is None else ((place % WIDTH + 0.5) / WIDTH, (place // WIDTH + 0.5) / HEIGHT)
    return box["x"] + box["width"] * across, box["y"] + box["height"] * down


def cells(page, side, kind):
    """Places of the marks of one kind on one image."""
    return [mark["place"] for mark in page.evaluate(STATE)[side]["marks"] if mark["kind"] == kind]


def point_at(page, side, place, touch):
    picture = page.locator(f".frame.{side} .picture")
    picture.scroll_into_view_if_needed()
    at = middle(picture.bounding_box(), place)
    if touch:
        page.touchscreen.tap(*at)
    else:
        page.mouse.move(*at)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("side", ["query", "answer"])
def test_place_pointed_at_is_shown_where_correspondences_says(opened, run, width, side):
    page = opened(width)
    other = {"query": "answer", "answer": "query"}[side]
    seen = 0
    for answer in page.locator(".answers button").all()[:9:4]:
        answer.click()
        found = run.correspondences(*shown_pair(page, run))
        sides = {
            "query": (found.best_of_query, found.query_shares, found.best_of_gallery, found.gallery_shares),
            "answer": (found.best_of_gallery, found.gallery_shares, found.best_of_query, found.query_shares),
        }
        best, shares, back, back_shares = sides[side]
        for place in (0, 5, 22, HEIGHT * WIDTH - 1):
            point_at(page, side, place, touch=width == "phone")
            state = page.evaluate(STATE)
            back_places = np.flatnonzero(back == place).tolist()
            assert [(mark["kind"], mark["place"]) for mark in state[side]["marks"]] == [("here", place)]
            assert [(mark["kind"], mark["place"]) for mark in state[other]["marks"]] == [
                *(("back", one) for one in back_places), ("match", best[place])
            ]  # fmt: skip
            # Where it is drawn, not only what it is called; and the line between the two.
            ends = [middle(state["query"]["picture"], place), middle(state["answer"]["picture"], best[place])]
            if side == "answer":
                ends = [middle(state["query"]["picture"], best[place]), middle(state["answer"]["picture"], place)]
            assert middle(state[other]["marks"][-1]["box"]) == pytest.approx(ends[side == "query"], abs=1)
            assert [middle(end) for end in state["ends"]] == [pytest.approx(end, abs=1) for end in ends]
            for at in (place, best[place]):
                assert f"ow {at // WIDTH + 1}, column {at % WIDTH + 1}" in state["told"]
            share, *more = [float(number) for number in re.findall(r"[-+]\d+\.\d{3}", state["told"])]
            assert share == pytest.approx(shares[place], abs=2e-3)
            assert more == pytest.approx([back_shares[back_places].sum()] if back_places else [], abs=5e-3)
            assert ("Mutual:" in state["told"]) == (back[best[place]] == place)
            seen += len(back_places)
        sums = [found.query_shares.sum(), found.gallery_shares.sum(), found.constant, found.score, found.probability]
        assert state["sum"] == pytest.approx(sums, abs=1e-3)
        page.mouse.move(0, 0)
    assert seen > 5


def test_keyboard_moves_the_place_and_follows_the_match(opened, run):
    page = opened()
    found = run.correspondences(*shown_pair(page, run))
    page.locator(".frame.query .picture").focus()
    start = HEIGHT // 2 * WIDTH + WIDTH // 2
    assert cells(page, "query", "here") == [start]
    for key, step in (("Left", -1), ("Up", -WIDTH), ("Right", 1), ("Down", WIDTH), ("Up", -WIDTH)):
        page.keyboard.press(f"Arrow{key}")
        start += step
        assert cells(page, "query", "here") == [start]
        assert cells(page, "answer", "match") == [found.best_of_query[start]]
    for _ in range(HEIGHT):
        page.keyboard.press("ArrowUp")
    assert cells(page, "query", "here") == [start % WIDTH]  # the edge holds
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('.frame').classList.contains('answer')")
    there = found.best_of_query[start % WIDTH]
    assert cells(page, "answer", "here") == [there]
    assert cells(page, "query", "match") == [found.best_of_gallery[there]]
    page.keyboard.press("Escape")
    assert cells(page, "answer", "here") == []


def test_a_click_keeps_the_place_and_a_pointer_that_passes_does_not(opened):
    page = opened()
    point_at(page, "query", 9, touch=False)
    page.mouse.move(0, 0)
    assert cells(page, "query", "here") == []
    point_at(page, "query", 9, touch=False)
    page.mouse.down()
    assert cells(page, "query", "here") == [9]
    page.mouse.up()
    point_at(page, "answer", 3, touch=False)
    assert cells(page, "answer", "here") == [3]
    page.mouse.move(0, 0)
    assert cells(page, "query", "here") == [9]


def test_a_finger_scrolls_the_page_over_a_picture_and_points_at_nothing(opened):
    page = opened("phone")
    picture = page.locator(".frame.answer .picture")
    picture.scroll_into_view_if_needed()
    x, y = middle(picture.bounding_box())
    before = page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)
    for step in range(13):
        kind, points = "touchMove" if step else "touchStart", [{"x": x, "y": y - 10 * step}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function("before => scrollY > before + 50", arg=before)
    assert page.locator(".cell").count() == 0
    point_at(page, "answer", 6, touch=True)
    assert cells(page, "answer", "here") == [6]


def lines_of(page):
    """Places that are joined, as the lines' ends say, the weakest first."""
    boxes = [page.locator(f".frame.{side} .picture").bounding_box() for side in ("query", "answer")]
    stage = page.locator(".stage").bounding_box()
    places = []
    for line in page.locator(".lines .positive line, .lines .negative line").all():
        ends = []
        for box, number in zip(boxes, (1, 2), strict=True):
            x, y = (float(line.get_attribute(f"{axis}{number}")) + stage[axis] - box[axis] for axis in ("x", "y"))
            ends.append(int(y / box["height"] * HEIGHT) * WIDTH + int(x / box["width"] * WIDTH))
        places.append(tuple(ends))
    return places


def test_lines_heat_and_mutual_only(opened, run):
    page = opened()
    found = run.correspondences(*shown_pair(page, run))
    to_gallery, to_query = found.best_of_query.tolist(), found.best_of_gallery.tolist()
    shares = {}
    for place, best in enumerate(to_gallery):
        shares[place, best] = shares.get((place, best), 0) + found.query_shares[place]
    for place, best in enumerate(to_query):
        shares[best, place] = shares.get((best, place), 0) + found.gallery_shares[place]
    ranked = sorted(shares, key=lambda pair: abs(shares[pair]))
    mutual = [(one, other) for one, other in ranked if to_gallery[one] == other and to_query[other] == one]
    assert 5 < len(mutual) < 24 < len(ranked)
    assert lines_of(page) == ranked[-24:]
    kinds = page.locator(".lines > g").evaluate_all("groups => groups.map(group => group.getAttribute('class'))")
    assert kinds == [
        ("negative" if shares[pair] < 0 else "positive") + (" mutual" if pair in mutual else "")
        for pair in ranked[-24:]
    ]
    page.get_by_label("Strongest lines").fill("5")
    assert lines_of(page) == ranked[-5:]
    page.get_by_label("Mutual only").check()
    assert lines_of(page) == mutual[-5:]
    page.get_by_label("Strongest lines").fill("100")
    assert lines_of(page) == mutual
    page.get_by_label("Lines", exact=True).uncheck()
    assert lines_of(page) == []
    heat = page.locator(".frame.query .heat")
    pixels = heat.evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"
    )
    alpha = np.array(pixels).reshape(HEIGHT * WIDTH, 4)[:, 3]
    largest = np.abs(np.concatenate([found.query_shares, found.gallery_shares])).max()
    expected = np.where(found.mutual_of_query, 170 * (found.query_shares / largest) ** 2, 0)
    np.testing.assert_allclose(alpha, expected, atol=1.5)
    page.get_by_label("Heat").uncheck()
    assert not heat.is_visible()


def test_legend_shows_each_kind_of_line_and_none_is_told_by_colour_alone(opened, run):
    page = opened()
    page.get_by_label("Strongest lines").fill("100")
    found = run.correspondences(*shown_pair(page, run))
    matched = np.isin(np.arange(HEIGHT * WIDTH), found.best_of_gallery)
    point_at(page, "query", np.flatnonzero(matched & ~found.mutual_of_query)[0], touch=False)
    drawn, explained = (
        page.eval_on_selector_all(
            groups,
            """groups => Object.fromEntries(groups.map((group) => {
                const [dashes, ends] = ["line", "circle"].map((tag) => getComputedStyle(group.querySelector(tag)));
                return [group.getAttribute("class"), [dashes.strokeDasharray, ends.fill === "none"]];
            }))""",
        )
        for groups in (".lines > g", ".legend g")
    )
    assert set(explained) == {"positive", "negative", "positive mutual", "match", "back"}
    assert {kind: drawn.get(kind) for kind in explained} == explained
    forms = [tuple(form) for kind, form in explained.items() if kind != "match"]  # which is the thickest by far
    assert len(set(forms)) == len(forms)
    assert all(entry.strip() for entry in page.locator(".legend li").all_inner_texts())


def cards(page):
    """Of each query shown: its identity, whether its first answer is right, its average precision."""
    found = []
    for card in page.locator(".queries .card").all():
        text = " ".join(card.inner_text().split())
        identity, precision = re.search(r"Identity (\S+) average precision (\S+?)%?$", text).groups()
        found.append((int(identity), "first answer right" in text, float(precision)))
    return found


def test_queries_are_paged_filtered_and_sorted(opened, run):
    page = opened()
    ranking = run.sections[0].result.ranking
    precisions = sorted(100 * ranking.average_precision)
    assert len(precisions) == 36
    first = cards(page)
    assert [card[2] for card in first] == pytest.approx(precisions[:24], abs=0.06)
    assert "page 1 of 2" in page.locator(".pager").inner_text()
    page.get_by_label("Next page").click()
    assert [card[2] for card in cards(page)] == pytest.approx(precisions[24:], abs=0.06)
    assert page.get_by_label("Next page").is_disabled()
    page.get_by_label("Page before").click()
    assert cards(page) == first
    page.get_by_role("combobox", name="Sorted").select_option("best average precision first")
    assert [card[2] for card in cards(page)] == pytest.approx(precisions[::-1][:24], abs=0.06)
    page.get_by_role("combobox", name="Queries").select_option("first answer wrong")
    num_wrong = int((ranking.first_relevant_rank > 1).sum())
    assert 0 < num_wrong < 24
    assert [card[1] for card in cards(page)] == [False] * num_wrong
    assert f"{num_wrong} of 36 queries" in page.locator(".count").inner_text()
    page.get_by_role("combobox", name="Queries").select_option("all")
    page.get_by_role("combobox", name="Camera").select_option("1")
    of_camera = [record.identity for record in run.dataset.query if record.camera == 1]
    assert sorted(card[0] for card in cards(page)) == sorted(of_camera)
    page.get_by_role("searchbox", name="Identity").fill(str(of_camera[0]))
    assert [card[0] for card in cards(page)] == [one for one in of_camera if one == of_camera[0]]
    page.get_by_role("searchbox", name="Identity").fill("nobody")
    assert cards(page) == [] and "0 of 36" in page.locator(".count").inner_text()


def test_a_choice_of_queries_says_which_were_preferred(browser, run, tmp_path):
    write_report(tmp_path / "report.html", "A choice", run.sections, limits=ReportLimits(queries=30))
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    preferred = "30 queries chosen of 36; the worst and those of suspected labels were preferred"
    assert page.locator(".count").inner_text() == preferred
    page.get_by_role("combobox", name="Queries").select_option("first answer wrong")
    assert page.locator(".count").inner_text() == f"{len(cards(page))} of {preferred}"
    page.close()


def test_numbers_say_which_scoring_they_are_of(opened, run):
    page = opened()
    page.get_by_role("radio", name="pooled", exact=True).check()
    pair = shown_pair(page, run)
    tile = page.locator(".sum div", has_text="score by matching").inner_text()
    assert float(tile.split()[-1].replace("−", "-")) == pytest.approx(run.sections[0].result.scores[pair], abs=1e-3)
    failures = page.locator("[data-part='failures-1']").inner_text()
    assert "lowest average precision by matching." in failures and "By matching, the query’s first answer" in failures


def test_a_query_opened_shows_its_ranked_gallery(opened, run):
    page = opened()
    page.locator(".queries .card").nth(3).click()
    row, column = shown_pair(page, run)
    section = run.sections[0]
    query, scores = section.query[row], section.result.scores[row]
    numbers, marks = [], []
    for card in page.locator(".answers .card").all():
        text = card.inner_text()
        marks.append(next(mark for mark in MARKS if mark in text))
        numbers.append(float(re.search(r"score\s+(\S+)", text).group(1)))
    same = [column for column, one in enumerate(section.gallery) if one.identity == query.identity]
    right = [column for column in same if section.gallery[column].camera != query.camera]
    order = [column for column in np.argsort(-scores) if column in right or column not in same]
    expected = order[:10] + [column for column in order[10:] if column in right]
    kept = [number for number, mark in zip(numbers, marks, strict=True) if mark != "ignored"]
    assert kept == pytest.approx(scores[expected].tolist(), abs=6e-4)
    assert column == order[0] and marks.count("right") == len(right)
    further = page.locator(".answers .divider ~ li").count()
    assert further == len(expected) - 10
    page.get_by_role("button", name="next query").click()
    assert shown_pair(page, run)[0] != row
    page.get_by_role("button", name="query before").click()
    assert shown_pair(page, run)[0] == row


def test_what_lifting_changed_and_why(opened, run):
    page = opened()
    scorings = [section.result.scoring for section in run.sections]
    lifted = scorings.index("matching + temporal lifting")
    page.get_by_role("radio", name="matching + temporal lifting", exact=True).check()
    page.get_by_role("combobox", name="Sorted").select_option("largest gain first")
    page.locator(".queries .card").first.click()
    row, _ = shown_pair(page, run)
    before, after = (run.sections[place].result.ranking.average_precision for place in (0, lifted))
    assert after[row] - before[row] == pytest.approx(np.nanmax(after - before))
    table = page.locator(".changes table tr[aria-current]").inner_text()
    assert f"{100 * after[row]:.1f}%" in table and f"+{100 * (after[row] - before[row]):.1f}" in table
    data = data_of(page)
    lifting = data["queries"][row]["lifting"][str(lifted)]
    times = [abs(data["images"][str(image)][3] - run.dataset.query[row].timestamp) for image in lifting["companions"]]
    assert times == sorted(times) and max(times) < 8
    figures = page.locator(".timelines figure")
    assert figures.count() == len(lifting["cameras"]) > 1
    for figure, camera in zip(figures.all(), lifting["cameras"], strict=True):
        assert f"Camera {camera['camera']}" in figure.inner_text()
        assert figure.locator(".pivot").count() == len(camera["pivots"]) == figure.locator("li").count()
    moved = [re.search(r"rank (\d+) → (\d+)", text).groups() for text in page.locator(".movers li").all_inner_texts()]
    distances = [abs(int(earlier) - int(now)) for earlier, now in moved]
    assert distances == sorted(distances, reverse=True) and distances[-1] > 0


def test_movers_are_of_both_lists(opened, run):
    page = opened()
    page.get_by_role("radio", name="matching + re-ranking", exact=True).check()
    first, second = (
        next(section.result.scores for section in run.sections if section.result.scoring == scoring)
        for scoring in ("matching", "matching + re-ranking")
    )
    thrown_out = 0
    for card in page.locator(".queries .card").all()[:8]:
        card.click()
        row, _ = shown_pair(page, run)
        person, camera = run.dataset.query[row].identity, run.dataset.query[row].camera
        same = np.array([(one.identity == person, one.camera == camera) for one in run.dataset.gallery])
        kept = np.flatnonzero(~same.all(axis=1))
        ranks = [(-scores[row, kept]).argsort(kind="stable").argsort() + 1 for scores in (first, second)]
        shown = (np.minimum(*ranks) <= 10) | same[kept, 0]
        distances = np.sort(-np.abs(ranks[1] - ranks[0])[shown])[:6]
        told = page.locator(".movers li").all_inner_texts()
        moved = [tuple(map(int, re.search(r"rank (\d+) → (\d+)", text).groups())) for text in told]
        assert [-abs(now - earlier) for earlier, now in moved] == distances[distances < 0].tolist()
        assert set(moved) <= set(zip(*(one.tolist() for one in ranks), strict=True))
        thrown_out += sum(text.startswith("wrong") and now > 10 for text, (_, now) in zip(told, moved, strict=True))
    assert thrown_out > 3


def test_neighbours_that_re_ranking_knows_a_query_by(opened, run):
    page = opened()
    reranked = next(s.result for s in run.sections if s.result.scoring == "matching + re-ranking")
    page.get_by_role("radio", name="matching + re-ranking", exact=True).check()
    row, _ = shown_pair(page, run)
    weights = reranked.descriptions[[row]].toarray()[0]
    assert weights.sum() == pytest.approx(1, abs=0.01)
    weights[row] = 0
    order = np.argsort(-weights, kind="stable")[: min(16, np.count_nonzero(weights))]
    assert len(order) > 2
    records = (*run.dataset.query, *run.dataset.gallery)
    told = page.locator(".neighbours li").all_inner_texts()
    assert [float(text.split(": ")[1][:-1]) for text in told] == pytest.approx(100 * weights[order], abs=0.06)
    told_people = [tuple(map(int, re.findall(r"\d+", text)[:2])) for text in told]
    assert sorted(told_people) == sorted((records[place].identity, records[place].camera) for place in order)


def test_fixes_are_saved_as_a_file_that_evaluate_applies(opened, run, tmp_path):
    page = opened()
    data = data_of(page)
    strangers, sightings, images = data["strangers"]["listed"], data["sightings"]["listed"], data["images"]
    assert strangers and 0 < len(sightings) <= 6
    questions = page.locator("[data-part='failures-1'] .fix select")
    assert questions.count() == min(len(strangers), 6) + len(sightings)
    query, answer = (images[str(number)] for number in strangers[0]["images"])
    left_out = images[str(sightings[-1]["images"][1])]
    questions.first.select_option(f"The answer is {query[1]}")
    questions.last.select_option("Leave the second out")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save label_fixes.csv").click()
    assert download.value.suggested_filename == "label_fixes.csv"
    download.value.save_as(tmp_path / "label_fixes.csv")
    fixes = read_label_fixes(tmp_path / "label_fixes.csv")
    assert [(fix.path, fix.was, fix.identity) for fix in fixes] == [
        (answer[0], str(answer[1]), str(query[1])), (left_out[0], str(left_out[1]), "-1")
    ]  # fmt: skip
    (fixed,) = apply_label_fixes([run.dataset], fixes)
    before, after = ((*one.query, *one.gallery) for one in (run.dataset, fixed))
    changed = [new for old, new in zip(before, after, strict=True) if old.identity != new.identity]
    assert {os.path.basename(one.path) for one in changed} == {os.path.basename(fix.path) for fix in fixes}
    result = run.sections[0].result
    assert evaluate_ranking(result.scores, fixed.query, fixed.gallery).mAP != result.ranking.mAP
    questions.first.select_option("The labels are right")
    questions.last.select_option("The labels are right")
    assert page.get_by_role("link", name="Save label_fixes.csv").count() == 0


def test_an_older_browser_saves_fixes_too_of_file_names_that_are_no_text(browser, run, report, tmp_path):
    names = "|".join(os.path.basename(record.path) for record in run.dataset.gallery)
    odd = re.sub(names, r"\\udcff\g<0>", report.read_text("utf-8"))
    (tmp_path / "report.html").write_text(odd, "utf-8")
    page = browser.new_page()
    page.add_init_script("delete String.prototype.toWellFormed;")
    page.goto((tmp_path / "report.html").as_uri())
    page.locator("[data-part='failures-1'] .fix select").first.select_option("Leave the answer out")
    file = page.get_by_role("link", name="Save label_fixes.csv").get_attribute("href")
    assert re.search(f'\ufffd({names})"', urllib.parse.unquote(file))
    page.close()


def test_files_are_named_beneath_their_images(opened, run):
    page = opened()
    row, column = shown_pair(page, run)
    captions = page.locator(".frame figcaption").all_inner_texts()
    for caption, record in zip(captions, (run.dataset.query[row], run.dataset.gallery[column]), strict=True):
        assert caption.splitlines()[-1].endswith(os.path.basename(record.path))
    data = data_of(page)
    sightings = page.locator("[data-part='failures-1'] .failures").nth(2).locator(".failure")
    assert sightings.count() == len(data["sightings"]["listed"]) > 0
    for card, sighting in zip(sightings.all(), data["sightings"]["listed"], strict=True):
        expected = [data["images"][str(number)] for number in sighting["images"]]
        told = [caption.splitlines() for caption in card.locator("figcaption").all_inner_texts()]
        assert [[camera, path] for camera, _, path in told] == [[f"camera {one[2]}", one[0]] for one in expected]
        assert [float(time.removesuffix(" s")) for _, time, _ in told] == pytest.approx(
            [one[3] for one in expected], abs=0.06
        )


def test_cameras_that_are_left_out_are_named(browser, report, tmp_path):
    text = report.read_text()
    assert text.count('"overlapping":[]') == 1
    (tmp_path / "report.html").write_text(text.replace('"overlapping":[]', '"overlapping":[[3,3],[1,4]]'))
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    told = page.locator("[data-part='failures-1'] .quiet", has_text="at the same time").inner_text()
    assert told.endswith("clocks are coarse: camera 3 with itself; cameras 1 and 4.")
    page.close()


def test_of_two_fixes_of_an_image_the_latest_counts(opened):
    page = opened()
    first = page.locator("[data-part='failures-1'] .fix select").first
    page.locator("[data-part='failures-1'] .failures").nth(1).get_by_role("button", name="Look at").first.click()
    page.locator(".answers button.wrong").nth(1).click()
    second = page.locator(".matcher .fix select")
    for question in (first, second, first):
        question.select_option("Leave the query out")
        assert page.locator("pre").inner_text().splitlines()[1].endswith(',"-1"')
        option = question.locator("option", has_text="The query is").inner_text()
        question.select_option(option)
        assert page.locator("pre").inner_text().splitlines()[1].endswith(f',"{option.split()[-1]}"')


@pytest.mark.parametrize("scoring", ["matching", "pooled"])
def test_a_suspected_pair_is_opened_and_has_an_address(opened, run, scoring):
    page = opened()
    data = data_of(page)
    page.get_by_role("radio", name=scoring, exact=True).check()
    page.locator("[data-part='failures-1'] .failures").nth(1).get_by_role("button", name="Look at").first.click()
    pair = shown_pair(page, run)
    names = [os.path.basename(data["images"][str(number)][0]) for number in data["strangers"]["listed"][0]["images"]]
    parts = run.dataset.query, run.dataset.gallery
    assert [os.path.basename(part[place].path) for part, place in zip(parts, pair, strict=True)] == names
    assert page.get_by_role("radio", name="matching", exact=True).is_checked()
    assert shown_pair(opened(fragment=page.evaluate("location.hash")), run) == pair


def test_an_address_names_the_scoring_that_lists_the_pair(opened, run):
    def is_opened(page):
        page.wait_for_selector("input:checked + span:text-is('pooled')")
        return shown_pair(page, run) == pair

    page = opened()
    data = data_of(page)
    page.get_by_role("radio", name="pooled", exact=True).check()
    by_matching, by_pooled = (
        [answer[0] for answer in data["queries"][shown_pair(page, run)[0]]["answers"][data["scorings"].index(scoring)]]
        for scoring in ("matching", "pooled")
    )
    alone = next(image for image in by_pooled[1:] if image not in by_matching)
    page.locator(f".answers button[data-image='{alone}']").click()
    pair, address = shown_pair(page, run), page.evaluate("location.hash")
    assert is_opened(opened(fragment=address))
    assert is_opened(opened(fragment=address.rpartition("/")[0]))  # as earlier reports wrote it
    # Pasted where the report is open; and one of a pair that both scorings list.
    page = opened()
    page.evaluate("address => { location.hash = address; }", address)
    assert is_opened(page)
    shared = next(image for image in by_pooled if image in by_matching)
    page.locator(f".answers button[data-image='{shared}']").click()
    pair = shown_pair(page, run)
    assert is_opened(opened(fragment=page.evaluate("location.hash")))


def test_a_browser_that_refuses_an_address_shows_all_the_same(opened):
    page = opened()
    page.evaluate("() => { history.replaceState = () => { throw new DOMException('refused', 'SecurityError'); }; }")
    page.locator(".queries .card").nth(1).click()
    assert page.locator(".changes table").is_visible()


def barriers(page):
    """What axe-core finds against the page, of any weight."""
    page.evaluate(importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text())
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{violation['id']} ({violation['impact']}): {violation['help']}: {node['html'][:200]}"
        for violation in found["violations"]
        for node in violation["nodes"][:3]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_no_barrier_and_a_picture_to_look_at(opened, width, scheme):
    page = opened(width, color_scheme=scheme)
    page.get_by_role("radio", name="matching + temporal lifting", exact=True).check()
    for summary in page.locator("summary").all():
        summary.click()
    page.locator("[data-part='failures-1'] .fix select").first.select_option(index=1)
    point_at(page, "query", 13, touch=width == "phone")
    assert barriers(page) == []
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"report_{width}_{scheme}.png", full_page=True)
    page.locator(".matcher").screenshot(path=SCREENSHOTS / f"matcher_{width}_{scheme}.png")


def test_no_barrier_between_data_sets(browser, run, tmp_path):
    # The same twice: what names its parts by their kind alone names none of them.
    second = dataclasses.replace(run.dataset, name="market1501:somewhere/else")
    sections = [*run.sections, *small_run(second).sections]
    write_report(tmp_path / "report.html", "Two data sets", sections, {"seed": 5})
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    page.wait_for_selector("[data-part='queries-2'] .matcher .cells")
    for summary in page.locator("summary").all():
        summary.click()
    assert barriers(page) == []
    page.close()


# A browser's zoom of 200 % at 1280 pixels; the narrowest that WCAG asks for; and twice the text alone.
@pytest.mark.parametrize(
    ("size", "text"), [((640, 450), 100), ((320, 480), 100), ((1280, 900), 200), ((390, 844), 200)]
)
def test_text_stays_readable_when_enlarged(opened, size, text):
    page = opened(size, device_scale_factor=2)
    page.evaluate("size => { document.documentElement.style.fontSize = `${size}%`; }", text)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= size[0] + 1  # widths are rounded
    numbers = page.eval_on_selector_all(
        ".sum dd", "all => all.map((one) => [one.scrollWidth - one.clientWidth, one.clientHeight])"
    )
    assert {wider for wider, _ in numbers} == {0}
    assert len({height for _, height in numbers}) == 1
    cut = page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((element) => {
            const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
            const box = element.getBoundingClientRect();
            const scrolled = element.closest("svg, .unseen, .wide, pre, script, select, legend");
            if (!text || !box.width || scrolled) return false;
            const isOpen = getComputedStyle(element).overflowX === "visible";
            return isOpen ? box.right > innerWidth + 1 : element.scrollWidth > element.clientWidth + 1;
        }).map((element) => element.outerHTML.slice(0, 150))"""
    )
    assert cut == []


def test_hostile_names_stay_text(browser, run, tmp_path):
    attack = "</script><img src=x onerror=\"document.title='attacked'\"><script>document.title='attacked'</script>"
    person = run.dataset.query[0].identity

    def renamed(records):
        return tuple(dataclasses.replace(one, identity=attack) if one.identity == person else one for one in records)

    dataset = dataclasses.replace(run.dataset, query=renamed(run.dataset.query), gallery=renamed(run.dataset.gallery))
    path = small_run(dataclasses.replace(dataset, name=attack)).write(tmp_path / "report.html")
    page = browser.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    page.get_by_role("searchbox", name="Identity").fill("onerror")
    page.locator(".queries .card").first.click()
    assert attack in page.locator(".query-head h4").inner_text()
    assert page.title() == "A small run" and said == []
    page.close()
