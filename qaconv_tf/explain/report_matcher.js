// The interactive matcher: point at a place of one image and see where it matched in the other, and its share.

const SIDES = ["query", "answer"];
const POSITIVE = [255, 170, 0];
const NEGATIVE = [94, 80, 255];
const LEGEND = [
  ["positive", "A match that speaks for the pair: the more, the thicker its line and the denser the heat on its places"],
  ["negative", "One that speaks against it"],
  ["positive mutual", "Rings: a mutual match, each place is the other’s best"],
  ["match", "The place pointed at and its best match"],
  ["back", "A place of the other image whose best match it is"],
];

/** A line of a match with its two ends. */
function matchLine(kind, ends, width, opacity = 1) {
  const [[x1, y1], [x2, y2]] = ends;
  const dots = ends.map(([cx, cy]) => makeSvg("circle", { cx, cy, r: (kind.includes("mutual") ? 3 : 1) + width }));
  return makeSvg("g", { class: kind, opacity }, makeSvg("line", { x1, y1, x2, y2, "stroke-width": width }), ...dots);
}

function legend() {
  const sample = (kind) => {
    const line = matchLine(kind, [[26, 8], [68, 8]], 2.4);
    const isHeat = kind === "positive" || kind === "negative";
    if (isHeat) line.prepend(makeSvg("rect", { x: 1, y: 1, width: 14, height: 14 }));
    return makeSvg("svg", { viewBox: "0 0 76 16", "aria-hidden": "true" }, line);
  };
  return make("ul", { class: "legend", role: "list" }, LEGEND.map(([kind, text]) => make("li", {}, sample(kind), make("span", {}, text))));
}

class Matcher {
  constructor(root) {
    this.show = { lines: true, heat: true, mutual: false };
    this.strongest = 24;
    this.frames = SIDES.map((side, index) => this.makeFrame(side, index));
    this.svg = makeSvg("svg", { class: "lines", "aria-hidden": "true" });
    this.stage = make("div", { class: "stage" }, this.frames[0].figure, this.frames[1].figure, this.svg);
    this.place = make("div", { class: "place", role: "status" });
    this.sum = make("div", { class: "sum" });
    this.extra = make("div", { class: "label-question" });
    const readout = make("div", { class: "readout" }, this.sum, this.makeControls(), this.place, this.extra);
    root.append(make("div", {}, this.stage, legend()), readout);
    drawnAtWidth(this.stage, () => this.draw());
  }

  makeFrame(side, index) {
    const image = make("img", { alt: "" });
    const heat = make("canvas", { class: "heat", "aria-hidden": "true" });
    const cells = make("div", { class: "cells", "aria-hidden": "true" });
    const picture = make(
      "div",
      {
        class: "picture",
        tabindex: "0",
        role: "application",
        "aria-roledescription": "image of places",
        pointermove: (event) => this.select(this.pointedAt(index, event)),
        pointerup: (event) => this.pin(this.pointedAt(index, event)), // not of a finger that scrolled the page
        pointerleave: () => this.select(this.pinned),
        keydown: (event) => this.key(index, event),
        // By the keyboard: what presses a place will pin that.
        focus: () => picture.matches(":focus-visible") && !this.pinned && this.pair && this.pin({ side: index, place: this.middle() }),
      },
      image,
      heat,
      cells,
    );
    const caption = make("figcaption");
    return { figure: make("figure", { class: `frame ${side}` }, picture, caption), picture, image, heat, cells, caption };
  }

  makeControls() {
    const toggle = (name, text) =>
      make(
        "label",
        {},
        make("input", {
          type: "checkbox",
          name,
          checked: this.show[name],
          change: (event) => {
            this.show[name] = event.target.checked;
            this.draw();
          },
        }),
        text,
      );
    const count = make("output", {}, String(this.strongest));
    const range = make("input", {
      type: "range",
      name: "strongest",
      min: "1",
      max: "100",
      value: String(this.strongest),
      input: (event) => {
        this.strongest = +event.target.value;
        count.textContent = event.target.value;
        this.draw();
      },
    });
    return make(
      "fieldset",
      { class: "controls" },
      make("legend", {}, "Show"),
      toggle("lines", "Lines"),
      toggle("heat", "Heat"),
      toggle("mutual", "Mutual only"),
      make("label", { class: "strongest" }, "Strongest lines", range, count),
    );
  }

  /** Shows a pair: `about` says of the answer how it was ranked, `question` is an element or null. */
  open(pair, query, answer, about, question) {
    Object.assign(this, { pair, images: [query, answer] });
    this.pinned = this.selected = null;
    this.frames.forEach((frame, side) => {
      const image = this.images[side];
      frame.image.src = image.source;
      const name = side ? about : "Query";
      frame.picture.setAttribute(
        "aria-label",
        `${name}, ${image.about}. Arrow keys move the place, Enter goes to where it matched, Escape lets it go.`,
      );
      frame.picture.style.aspectRatio = `${pair.width} / ${pair.height}`;
      frame.caption.replaceChildren(
        make("b", {}, name),
        make("span", {}, image.about),
        make("span", {}, clock(image.time)),
        make("span", { class: "path" }, image.path),
      );
    });
    this.extra.replaceChildren(...(question ? [question] : []));
    this.lines = pair.lines();
    this.tellSum();
    this.draw();
  }

  middle() {
    const { height, width } = this.pair;
    return Math.floor(height / 2) * width + Math.floor(width / 2);
  }

  pointedAt(side, event) {
    if (!this.pair) return null;
    const box = this.frames[side].picture.getBoundingClientRect();
    const at = (position, size, count) => Math.min(count - 1, Math.max(0, Math.floor((position / size) * count)));
    const column = at(event.clientX - box.left, box.width, this.pair.width);
    const row = at(event.clientY - box.top, box.height, this.pair.height);
    return { side, place: row * this.pair.width + column };
  }

  key(side, event) {
    if (!this.pair) return;
    const { height, width } = this.pair;
    const here = this.selected && this.selected.side === side ? this.selected.place : this.middle();
    const row = Math.floor(here / width);
    const column = here % width;
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key in moves) {
      const [down, right] = moves[event.key];
      const to = (position, count) => Math.min(count - 1, Math.max(0, position));
      this.pin({ side, place: to(row + down, height) * width + to(column + right, width) });
    } else if (event.key === "Enter") {
      this.pin({ side: 1 - side, place: this.pair.best[side][here] });
      this.frames[1 - side].picture.focus();
    } else if (event.key === "Escape") {
      this.pin(null);
    } else return;
    event.preventDefault();
  }

  pin(selection) {
    this.pinned = selection;
    this.select(selection);
  }

  select(selection) {
    this.selected = selection;
    this.draw();
  }

  draw() {
    if (!this.pair) return;
    this.frames.forEach((frame, side) => this.drawHeat(frame, side));
    this.drawCells();
    this.drawLines();
    this.tellPlace();
  }

  drawHeat(frame, side) {
    frame.heat.hidden = !this.show.heat;
    if (!this.show.heat) return;
    const { height, width, shares, largest } = this.pair;
    Object.assign(frame.heat, { width, height });
    const context = frame.heat.getContext("2d");
    const pixels = context.createImageData(width, height);
    shares[side].forEach((share, place) => {
      const shown = !this.show.mutual || this.pair.mutual(side, place);
      const alpha = shown ? 170 * (share / largest) ** 2 : 0; // squared, so that the largest stand out
      pixels.data.set([...(share < 0 ? NEGATIVE : POSITIVE), alpha], 4 * place);
    });
    context.putImageData(pixels, 0, 0);
  }

  /** The place pointed at, where it matched, and the places of the other image that match it. */
  drawCells() {
    this.frames.forEach((frame) => frame.cells.replaceChildren());
    if (!this.selected) return;
    const { side, place } = this.selected;
    for (const other of this.pair.matchedBy(side, place)) this.addCell(1 - side, other, "back");
    this.addCell(1 - side, this.pair.best[side][place], "match");
    this.addCell(side, place, "here");
  }

  addCell(side, place, kind) {
    const { height, width } = this.pair;
    const row = Math.floor(place / width);
    const column = place % width;
    const cell = make("div", { class: `cell ${kind}`, "data-row": row, "data-column": column });
    Object.assign(cell.style, {
      left: `${(100 * column) / width}%`,
      top: `${(100 * row) / height}%`,
      width: `${100 / width}%`,
      height: `${100 / height}%`,
    });
    this.frames[side].cells.append(cell);
  }

  /** The middle of a place, in pixels of the stage. */
  middleOf(side, place) {
    const { height, width } = this.pair;
    const stage = this.stage.getBoundingClientRect();
    const box = this.frames[side].picture.getBoundingClientRect();
    return [
      box.left - stage.left + (((place % width) + 0.5) / width) * box.width,
      box.top - stage.top + ((Math.floor(place / width) + 0.5) / height) * box.height,
    ];
  }

  drawLines() {
    const { clientWidth, clientHeight } = this.stage;
    this.svg.setAttribute("viewBox", `0 0 ${clientWidth} ${clientHeight}`);
    const drawn = [];
    if (this.show.lines) {
      const chosen = this.lines.filter((line) => line.mutual || !this.show.mutual).slice(0, this.strongest);
      const faint = this.selected ? 0.12 : 1;
      // The strongest last, above the others.
      for (const line of chosen.reverse()) {
        const weight = Math.abs(line.share) / Math.abs(this.lines[0].share);
        const kind = `${line.share < 0 ? "negative" : "positive"}${line.mutual ? " mutual" : ""}`;
        drawn.push(this.line(line.places, kind, 0.8 + 2.6 * weight, faint * (0.3 + 0.7 * weight)));
      }
    }
    if (this.selected) {
      const { side, place } = this.selected;
      const ordered = (other) => (side ? [other, place] : [place, other]);
      for (const other of this.pair.matchedBy(side, place)) drawn.push(this.line(ordered(other), "back", 1.6));
      drawn.push(this.line(ordered(this.pair.best[side][place]), this.pair.mutual(side, place) ? "match mutual" : "match", 3));
    }
    this.svg.replaceChildren(...drawn);
  }

  line(places, kind, width, opacity) {
    return matchLine(kind, places.map((place, side) => this.middleOf(side, place)), width, opacity);
  }

  tellSum() {
    const { totals, constant, score, probability } = this.pair;
    const term = (text, value, kind) => make("div", { class: kind }, make("dt", {}, text), make("dd", {}, value));
    this.sum.replaceChildren(
      make(
        "dl",
        {},
        term("query’s places", signed(totals[0]), "term"),
        term("answer’s places", signed(totals[1]), "term"),
        term("constant", signed(constant), "term"),
        // Not the number of the answer's card where another scoring ranks.
        term("score by matching", signed(score).replace("+", ""), "total"),
        term("its probability", probability.toFixed(3), "total"),
      ),
    );
  }

  tellPlace() {
    if (!this.selected) {
      this.place.replaceChildren(
        make("p", { class: "hint" }, "Point at a place of either image to see where it matched. A click or tap keeps it."),
      );
      return;
    }
    const { side, place } = this.selected;
    const { pair } = this;
    const name = (of, at) => `${of === side ? "Row" : "row"} ${Math.floor(at / pair.width) + 1}, column ${(at % pair.width) + 1} of the ${SIDES[of]}`;
    const share = pair.shares[side][place];
    const mutual = pair.mutual(side, place);
    const back = pair.matchedBy(side, place);
    const backShare = back.reduce((sum, other) => sum + pair.shares[1 - side][other], 0);
    const ofAll = share > 0 ? `, ${((100 * share) / pair.positive).toFixed(1)}% of all that speaks for this pair` : "";
    this.place.replaceChildren(
      make("p", {}, make("b", {}, name(side, place)), " matched best ", make("b", {}, name(1 - side, pair.best[side][place]))),
      make("p", {}, "Its share of the score: ", make("b", {}, signed(share)), ofAll, "."),
      make(
        "p",
        {},
        make("span", { class: mutual ? "mutual yes" : "mutual" }, mutual ? "Mutual: each is the other’s best." : "Not mutual."),
        back.length
          ? ` ${plural(back.length, "place")} of the ${SIDES[1 - side]} ${back.length === 1 ? "matches" : "match"} it best: ${signed(backShare)}.`
          : ` No place of the ${SIDES[1 - side]} matches it best.`,
      ),
    );
  }
}
