import numpy as np
import pytest
from PIL import ImageDraw

from qaconv_tf.explain.drawing import MARKS, draw_correspondences, draw_explanation, draw_strip, heat_map
from qaconv_tf.matching.correspondence import Correspondences

RNG = np.random.default_rng(3)
GREY = np.full((60, 30, 3), 128, np.uint8)


def found(query_shares, gallery_shares, best_of_query=(3, 2, 1, 0), best_of_gallery=(3, 0, 0, 0)):
    """Correspondences of maps of 2 rows and 2 columns."""
    shares = np.array(query_shares, float), np.array(gallery_shares, float)
    return Correspondences((2, 2), np.array(best_of_query), np.array(best_of_gallery), *shares, -1.0, 0.25)


def texts_drawn(monkeypatch):
    """A list that fills with `(box, text)` of all that is drawn from now on."""
    written, draw = [], ImageDraw.ImageDraw.text

    def text(self, place, text, *arguments, **options):
        written.append((self.textbbox(place, text, font=options["font"]), text))
        return draw(self, place, text, *arguments, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", text)
    return written


def coloured(picture, background=128):
    """Where a picture is neither grey nor paper."""
    spread = picture.astype(int).max(axis=2) - picture.astype(int).min(axis=2)
    return spread > 20


def test_one_line_joins_the_two_places_that_matched():
    # Only location 0 of the query, upper left, has a share; it matched location 3, lower right.
    picture = draw_correspondences(GREY, GREY, found([2, 0, 0, 0], [0, 0, 0, 0]), height=240)
    assert picture.shape == (240, 120 + 30 + 120, 3)
    rows, columns = np.nonzero(coloured(picture))
    first, last = columns.argmin(), columns.argmax()
    assert abs(columns[first] - 30) < 6 and abs(rows[first] - 60) < 6
    assert abs(columns[last] - (150 + 90)) < 6 and abs(rows[last] - 180) < 6


def test_mutual_matches_are_told_apart_and_can_be_drawn_alone():
    # Query 0 and gallery 3 match both ways (3's best is 0); query 1 and gallery 2 only one way.
    both = found([1, 1, 0, 0], [0, 0, 0, 0], best_of_gallery=(3, 0, 0, 0))
    everything = coloured(draw_correspondences(GREY, GREY, both, height=240)).sum()
    mutual = draw_correspondences(GREY, GREY, both, height=240, mutual_only=True)
    assert 0 < coloured(mutual).sum() < everything
    line = mutual[coloured(mutual)].astype(int)
    assert (line[:, 1] > line[:, 0]).all()  # green
    none = found([0, 1, 0, 0], [0, 0, 0, 0], best_of_gallery=(3, 0, 0, 0))
    assert not coloured(draw_correspondences(GREY, GREY, none, height=240, mutual_only=True)).any()


def test_no_more_lines_than_asked_for_and_the_strongest_of_them():
    shares = found([1, 5, 2, 3], [0, 0, 0, 0])
    two = draw_correspondences(GREY, GREY, shares, height=240, num_lines=2)
    same = draw_correspondences(GREY, GREY, found([0, 5, 0, 3], [0, 0, 0, 0]), height=240)
    np.testing.assert_array_equal(two, same)
    assert not coloured(draw_correspondences(GREY, GREY, shares, height=240, num_lines=0)).any()
    # What speaks against a match is no reason for it.
    assert not coloured(draw_correspondences(GREY, GREY, found([-1, -2, -3, -4], [0] * 4), height=240)).any()


def test_heat_is_orange_for_and_blue_against():
    drawn = heat_map(GREY, np.array([1.0, 0.0, -1.0, 0.0]), (2, 2)).astype(int)
    for_it, against = drawn[5, 3], drawn[-5, 3]
    assert for_it[0] > 200 and for_it[2] < 60
    assert against[2] > 160 and against[0] < 80
    np.testing.assert_array_equal(heat_map(GREY, np.zeros(4), (2, 2)), GREY)
    # On a scale of their own, or on a greater one.
    faint = heat_map(GREY, np.array([1.0, 0.0, 0.0, 0.0]), (2, 2), largest=4.0).astype(int)
    assert np.abs(faint - 128).max() < np.abs(drawn - 128).max()


@pytest.mark.parametrize("sizes", [((64, 32), (64, 32)), ((400, 30), (30, 400)), ((8, 8), (1000, 700))])
def test_labels_stay_under_their_own_image(sizes):
    """Text is drawn with a long name and with none: what differs must lie under the image and nowhere else."""
    images = [RNG.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    shares = found(RNG.normal(size=4), RNG.normal(size=4))
    height, long = 240, "a_very_long_name_of_an_image_that_nobody_would_ever_type_but_cameras_do.jpg" * 2
    plain = draw_explanation(*images, shares, ("", ""), height)
    widths = [max(1, round(size[1] * height / size[0])) for size in sizes]
    starts = 10, 10 + round(widths[0] * 1.25)
    for side, start in enumerate(starts):
        names = ["", ""]
        names[side] = long
        rows, columns = np.nonzero((draw_explanation(*images, shares, names, height) != plain).any(axis=2))
        if not len(rows):
            continue  # no room for a single letter
        assert rows.min() >= 3 * 12 + height and rows.max() < 3 * 12 + height + 2 * 12  # below the images
        width_of_panel = starts[1] - 10 + widths[1] + 10
        places = (columns - start) % width_of_panel
        assert places.max() <= widths[side] * (1.25 if side == 0 else 1)


@pytest.mark.parametrize("odd", ["line\nbreak", "tab\t", "byte\udcff", "\x00", "\u2028"])
def test_a_name_that_is_no_line_of_text_is_drawn_as_one(odd):
    shares = found(RNG.normal(size=4), RNG.normal(size=4))
    clean = "".join(letter if letter.isalpha() and letter.isascii() else "?" for letter in odd)
    drawn = (draw_explanation(GREY, GREY, shares, (name, ""), 240) for name in (odd, clean))
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("height", [96, 240, 480])
def test_numbers_are_whole_however_narrow_the_images_are(height, monkeypatch):
    written = texts_drawn(monkeypatch)
    narrow = np.full((480, 24, 3), 128, np.uint8)
    picture = draw_explanation(narrow, narrow, found([-1234.5] * 4, [1e4] * 4), ("", ""), height)
    (line,) = [text for _, text in written if "constant" in text]
    assert "score" in line and "…" not in line
    ink = (picture[: 3 * max(12, height // 26)] != 255).any(axis=(0, 2))
    assert not ink[-max(8, height // 24) :].any()


@pytest.mark.parametrize("size", [(480, 24), (64, 32), (60, 400)])
@pytest.mark.parametrize("height", [96, 256, 480])
def test_a_legend_names_each_colour_without_overlap(size, height, monkeypatch):
    written = texts_drawn(monkeypatch)
    image = np.full((*size, 3), 128, np.uint8)
    picture = draw_explanation(image, image, found([1, -1, 0, 0], [0] * 4), ("one.jpg", "two.jpg"), height)
    boxes = [(*box, text) for box, text in written if text]
    assert max(box[2] for box in boxes) < picture.shape[1] and max(box[3] for box in boxes) < picture.shape[0]
    for number, one in enumerate(boxes):
        for other in boxes[:number]:
            assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3], (one, other)
    means = {"match both ways": (0, 170, 120), "match one way": (255, 140, 0), "speaks for the match": (255, 140, 0)}
    for text, colour in (means | {"speaks against it": (40, 110, 230)}).items():
        (box,) = [box for box in boxes if box[4] == text]
        sample = picture[round((box[1] + box[3]) / 2), round(box[0] - (box[3] - box[1]))]
        assert sample.tolist() == list(colour), text


def test_a_strip_frames_each_answer_in_the_colour_of_its_mark():
    answers = [(GREY, mark, f"{rank}") for rank, mark in enumerate(MARKS)]
    strip = draw_strip(GREY, answers, height=96)
    for mark, colour in MARKS.items():
        assert (strip == colour).all(axis=2).sum() > 2 * 96, mark
    row = strip[48]
    order = [np.flatnonzero((row == colour).all(axis=1)).min() for colour in MARKS.values()]
    assert order == sorted(order)


def test_a_strip_can_be_read_without_its_colours():
    """In grey, the signs in the corners differ from each other, and none lies on the query."""
    signs = []
    for mark in MARKS:
        strip = draw_strip(GREY, [(GREY, mark, "")], height=180).astype(int)
        white = (strip > 200).all(axis=2)
        frame = np.flatnonzero((strip[90] == MARKS[mark]).all(axis=1)).min()
        signs.append(white[5:33, frame : frame + 28])
        assert 20 < signs[-1].sum() < 250 and not white[5:33, 5 : 5 + 90].any()
    tick, cross, dash = signs
    assert np.ptp(np.nonzero(dash)[0]) <= 4 and np.ptp(np.nonzero(dash)[1]) >= 14  # level
    halves = slice(14), slice(14, 28)
    assert all(cross[rows, columns].any() for rows in halves for columns in halves)
    assert not tick[:12, :14].any() and tick[:12, 14:].any() and tick[14:, :14].any()  # nothing in its upper left


def test_a_strip_of_no_answers_is_the_query():
    assert draw_strip(GREY, [], height=96).shape[1] < 2 * 96
