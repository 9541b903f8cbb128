// The query browser: filters, pages of queries, and for one query its ranked gallery, matcher and changes.

const QUERIES_PER_PAGE = 24;

const SHOWN = {
  all: ["all", () => true],
  right: ["first answer right", (query, scoring) => query.first[scoring] === 1],
  wrong: ["first answer wrong", (query, scoring) => query.first[scoring] > 1],
  none: ["without a right answer", (query, scoring) => query.first[scoring] === null],
};

const value = (query, scoring) => query.precision[scoring] ?? -1;
const SORTED = {
  worst: ["worst average precision first", (one, two, scoring) => value(one, scoring) - value(two, scoring)],
  best: ["best average precision first", (one, two, scoring) => value(two, scoring) - value(one, scoring)],
  gained: ["largest gain first", (one, two, scoring) => gain(two, scoring) - gain(one, scoring)],
  lost: ["largest loss first", (one, two, scoring) => gain(one, scoring) - gain(two, scoring)],
  order: ["order of the data set", () => 0],
};

function gain(query, scoring) {
  return query.precision[scoring] - query.precision[0];
}

class QueryBrowser {
  constructor(root, dataset, fixes) {
    Object.assign(this, { root, dataset, fixes });
    this.scoring = 0;
    this.filters = { shown: "all", camera: "", identity: "", sorted: "worst" };
    this.pageNumber = 0;
    this.linked = false; // whether the page's address follows what is opened
    this.count = make("p", { class: "count", role: "status" });
    this.list = make("ol", { class: "queries", role: "list" });
    this.pager = make("nav", { class: "pager", "aria-label": `Pages of queries of ${dataset.name}` });
    this.view = make("article", { class: "query-view", tabindex: "-1" });
    root.append(this.makeFilters(), make("div", { class: "above-queries" }, this.count, this.pager), this.list, this.view);
    this.refresh();
    if (this.found.length) this.open(this.found[0]);
  }

  get queries() {
    return this.dataset.page.queries;
  }

  makeFilters() {
    const { scorings } = this.dataset;
    const choose = (name) => (event) => {
      this.filters[name] = event.target.value;
      this.pageNumber = 0;
      this.refresh();
    };
    const select = (name, label, options) =>
      make(
        "label",
        {},
        label,
        make(
          "select",
          { name, change: choose(name) },
          options.map(([key, text]) => make("option", { value: key, selected: this.filters[name] === key }, text)),
        ),
      );
    const cameras = [...new Set(this.queries.map((query) => this.dataset.image(query.image).camera))];
    cameras.sort((one, two) => one - two);
    const named = (camera) => [String(camera), camera === null ? "unknown" : String(camera)];
    const sortings = Object.entries(SORTED).filter(([key]) => scorings.length > 1 || !["gained", "lost"].includes(key));
    this.radios = scorings.map((_, place) =>
      make("input", {
        type: "radio",
        name: `scoring-${this.dataset.number}`,
        value: String(place),
        checked: place === 0,
        change: () => {
          this.rankBy(place);
          if (this.query) this.open(this.query);
        },
      }),
    );
    const ranked = make(
      "fieldset",
      { class: "ranked-by" },
      make("legend", {}, "Ranked by"),
      scorings.map((scoring, place) => make("label", {}, this.radios[place], make("span", {}, scoring))),
    );
    return make(
      "form",
      { class: "filters", submit: (event) => event.preventDefault() },
      scorings.length > 1 ? ranked : null,
      select("shown", "Queries", Object.entries(SHOWN).map(([key, [text]]) => [key, text])),
      select("camera", "Camera", [["", "all"], ...cameras.map(named)]),
      make("label", {}, "Identity", make("input", { type: "search", name: "identity", size: "8", input: choose("identity") })),
      select("sorted", "Sorted", sortings.map(([key, [text]]) => [key, text])),
    );
  }

  rankBy(place) {
    this.scoring = place;
    this.radios[place].checked = true;
    this.refresh();
  }

  /** Opens a pair as a scoring ranks it: another scoring may not list the image. */
  openRankedBy(place, query, image) {
    this.rankBy(place);
    this.open(query, true, image);
  }

  /** Opens the pair of an address; one of earlier reports names no scoring, then it is the first that lists the image. */
  openAddress(queryImage, image, scoring) {
    const query = this.queries.find((one) => one.image === queryImage);
    if (!query) return;
    const lists = query.answers.findIndex((answers) => answers.some(([number]) => number === image));
    this.openRankedBy(scoring in this.radios ? scoring : Math.max(0, lists), query, image);
  }

  showAddress(image) {
    try {
      history.replaceState(null, "", `#${this.dataset.number}/${this.query.image}/${image}/${this.scoring}`);
    } catch {
      // Refused in a frame without an origin, and by Safari after a hundred in half a minute: the address is then left.
    }
  }

  /** Filters, sorts, and shows one page of what was found. */
  refresh() {
    const { shown, camera, identity, sorted } = this.filters;
    const wanted = identity.trim().toLowerCase();
    this.found = this.queries.filter((query) => {
      const image = this.dataset.image(query.image);
      return (
        SHOWN[shown][1](query, this.scoring) &&
        (camera === "" || String(image.camera) === camera) &&
        (wanted === "" || String(image.identity).toLowerCase().includes(wanted))
      );
    });
    this.found.sort((one, two) => SORTED[sorted][1](one, two, this.scoring));
    const total = this.dataset.page.numQueries;
    const isChoice = this.queries.length < total;
    const of = plural(this.queries.length, "query", "queries") + (isChoice ? ` chosen of ${total.toLocaleString("en")}` : "");
    const why = isChoice ? "; the worst and those of suspected labels were preferred" : "";
    this.count.textContent = (this.found.length < this.queries.length ? `${this.found.length} of ${of}` : of) + why;
    this.showPage();
  }

  get numPages() {
    return Math.max(1, Math.ceil(this.found.length / QUERIES_PER_PAGE));
  }

  showPage() {
    const first = this.pageNumber * QUERIES_PER_PAGE;
    const page = this.found.slice(first, first + QUERIES_PER_PAGE);
    this.list.replaceChildren(...page.map((query) => make("li", {}, this.card(query))));
    const turn = (by, text, name) =>
      make(
        "button",
        {
          type: "button",
          "aria-label": name,
          disabled: this.pageNumber + by < 0 || this.pageNumber + by >= this.numPages,
          click: () => {
            this.pageNumber += by;
            this.showPage();
            (this.pager.querySelector(`[aria-label="${name}"]:enabled`) ?? this.pager.querySelector("button:enabled"))?.focus();
          },
        },
        text,
      );
    this.pager.replaceChildren(
      turn(-1, "‹", "Page before"),
      make("span", {}, `page ${this.pageNumber + 1} of ${this.numPages}`),
      turn(1, "›", "Next page"),
    );
  }

  card(query) {
    const image = this.dataset.image(query.image);
    const precision = query.precision[this.scoring];
    const mark = query.first[this.scoring] === null ? "ignored" : query.first[this.scoring] === 1 ? "right" : "wrong";
    const words = { right: "first answer right", wrong: "first answer wrong", ignored: "no right answer" };
    const bar = make("span", { class: "bar", "aria-hidden": "true" }, make("span"));
    bar.firstChild.style.width = percent(precision ?? 0);
    return make(
      "button",
      {
        type: "button",
        class: `card ${mark}`,
        "aria-current": query === this.query ? "true" : false,
        click: () => this.open(query, true),
      },
      image.picture(),
      make("span", { class: "mark", title: words[mark] }, SYMBOLS[mark], make("span", { class: "unseen" }, `, ${words[mark]}. `)),
      make("span", { class: "who" }, make("span", { class: "unseen" }, "Identity "), String(image.identity)),
      bar,
      make("span", { class: "number" }, make("span", { class: "unseen" }, "average precision "), percent(precision)),
    );
  }

  /** Opens a query, with the pair of its first answer, or of a given image. */
  open(query, moveFocus = false, image = null) {
    this.query = query;
    const place = this.found.indexOf(query);
    if (place >= 0 && Math.floor(place / QUERIES_PER_PAGE) !== this.pageNumber) {
      this.pageNumber = Math.floor(place / QUERIES_PER_PAGE);
    }
    this.showPage();
    const shown = this.dataset.image(query.image);
    const step = (by, text) => {
      const other = this.found[place + by];
      return make("button", { type: "button", disabled: !other, click: () => this.open(other, true) }, text);
    };
    const first = query.first[this.scoring];
    const heading = make("h4", {}, `Query: ${shown.about}`);
    const facts = make(
      "p",
      { class: "facts" },
      make("span", {}, "average precision ", make("b", {}, percent(query.precision[this.scoring]))),
      make("span", {}, first === null ? "no right answer" : `first right answer at rank ${first}`),
      make("span", {}, plural(query.right, "right answer")),
      make("span", {}, clock(shown.time)),
      make("span", { class: "path" }, shown.path),
    );
    const stepper = make("div", { class: "stepper" }, step(-1, "‹ query before"), step(1, "next query ›"));
    const answers = make("ol", { class: "answers", role: "list" });
    const matcher = make("section", { class: "matcher", "aria-label": `Matcher of ${this.dataset.name}` });
    const changes = make("section", { class: "changes", "aria-label": `What changed in ${this.dataset.name}` });
    this.view.replaceChildren(make("div", { class: "query-head" }, heading, stepper), facts, answers, matcher, changes);
    this.showAnswers(answers);
    this.matcher = this.dataset.matches ? new Matcher(matcher) : null;
    if (!this.matcher) matcher.remove();
    const listed = query.answers[this.scoring];
    const opened = listed.find(([number]) => number === image) ?? listed.find(([, mark]) => mark !== 2) ?? listed[0];
    if (opened) this.openPair(opened);
    showChanges(changes, this.dataset, query, this.scoring);
    if (moveFocus) {
      this.view.focus({ preventScroll: true });
      this.view.scrollIntoView({ block: "start" });
    }
  }

  showAnswers(list) {
    const before = this.dataset.scorings[0];
    const answers = this.query.answers[this.scoring];
    const further = answers.findIndex(([, , rank]) => rank > this.dataset.page.numAnswers);
    answers.forEach((answer, place) => {
      if (place === further) list.append(make("li", { class: "divider" }, "right answers further down"));
      list.append(make("li", {}, this.answerCard(answer, before)));
    });
  }

  answerCard(answer, before) {
    const [number, mark, rank, score, earlier] = answer;
    const image = this.dataset.image(number);
    const word = MARKS[mark];
    const moved = this.scoring && rank ? earlier - rank : 0;
    const movement = moved
      ? make(
          "span",
          { class: moved > 0 ? "moved up" : "moved down", title: `rank ${earlier} by ${before}` },
          `${moved > 0 ? "▲" : "▼"} ${Math.abs(moved)}`,
          make("span", { class: "unseen" }, moved > 0 ? " ranks up" : " ranks down"),
        )
      : null;
    const isOpenable = this.dataset.matches && number in this.query.pairs;
    const content = [
      image.picture(),
      rank ? make("span", { class: "rank" }, make("span", { class: "unseen" }, "Answer "), String(rank)) : null,
      make("span", { class: "mark" }, `${SYMBOLS[word]} ${word}`),
      make("span", { class: "unseen" }, `, ${image.about}, score `),
      make("span", { class: "number" }, score.toFixed(3)),
      movement,
    ];
    if (!isOpenable) return make("div", { class: `card ${word}` }, content);
    return make(
      "button",
      { type: "button", class: `card ${word}`, "data-image": number, click: () => this.openPair(answer, true) },
      content,
    );
  }

  openPair(answer, reveal = false) {
    const [number, mark, rank, score] = answer;
    const pair = this.matcher && this.dataset.pair(this.query, number);
    if (!pair) return;
    for (const card of this.view.querySelectorAll(".answers button")) {
      card.setAttribute("aria-pressed", String(+card.dataset.image === number));
    }
    const about = `${rank ? `Answer ${rank}` : "Ignored answer"}, ${MARKS[mark]}`;
    const [query, image] = [this.dataset.image(this.query.image), this.dataset.image(number)];
    const question = mark === WRONG ? this.fixes.question(this.dataset, query, image) : null;
    this.matcher.open(pair, query, image, about, question);
    if (reveal) this.matcher.stage.scrollIntoView({ block: "nearest" });
    if (this.linked) this.showAddress(number);
  }
}
