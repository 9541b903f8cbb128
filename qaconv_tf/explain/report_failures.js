// The failure explorer: worst queries, labels that may be wrong, and the list of fixes as a CSV file.

const WORST_SHOWN = 12;
const SUSPICIONS_PER_PAGE = 6;

function camerasOf([one, other]) {
  return one === other ? `camera ${one} with itself` : `cameras ${one} and ${other}`;
}

class FailureExplorer {
  constructor(root, dataset, browser, fixes) {
    Object.assign(this, { dataset, browser, fixes });
    const { strangers, sightings, overlapping } = dataset.page;
    const [first] = dataset.scorings;
    root.append(
      make("h4", {}, "Worst queries"),
      make("p", { class: "quiet" }, `Those of the lowest average precision by ${first}.`),
      this.worst(),
    );
    root.append(
      make("h4", {}, "Two identities, each other’s best match"),
      make(
        "p",
        { class: "quiet" },
        `By ${first}, the query’s first answer is of another identity, and of all queries this one is most like that answer: ` +
          "one person under two names, or two people whom the model confuses.",
      ),
      this.paged(strangers, (entry) => this.stranger(entry), "No such pair."),
      make("h4", {}, "One person in two places at once"),
      make(
        "p",
        { class: "quiet" },
        "Two images of one identity at the same time at one camera, or within a second at two cameras. " +
          (overlapping.length
            ? `Left out, because they see many people at once or their clocks are coarse: ${overlapping.map(camerasOf).join("; ")}.`
            : ""),
      ),
      this.paged(sightings, (entry) => this.sighting(entry), "No such pair."),
    );
  }

  worst() {
    const worst = this.dataset.page.queries
      .filter((query) => query.precision[0] !== null)
      .sort((one, two) => one.precision[0] - two.precision[0])
      .slice(0, WORST_SHOWN);
    return make("ul", { class: "failures", role: "list" }, worst.map((query) => make("li", {}, this.worstQuery(query))));
  }

  worstQuery(query) {
    const ranked = query.answers[0].filter(([, mark]) => mark !== 2);
    const right = ranked.find(([, mark]) => mark === RIGHT);
    const first = ranked[0];
    const shown = [[query.image, "query", "accent"], [first[0], `1: ${MARKS[first[1]]}`, MARKS[first[1]]]];
    if (right && right !== first) shown.push([right[0], `${right[2]}: right`, "right"]);
    return this.card(shown, `average precision ${percent(query.precision[0])}`, query, first[0], null);
  }

  stranger({ images, score, query }) {
    const [one, two] = images.map((number) => this.dataset.image(number));
    const shown = [[images[0], `query, ${one.identity}`, "accent"], [images[1], `answer, ${two.identity}`, "wrong"]];
    const opened = query === null ? null : this.dataset.page.queries[query];
    return this.card(shown, `score ${score.toFixed(3)}`, opened, images[1], this.fixes.question(this.dataset, one, two));
  }

  sighting({ images, seconds }) {
    const [one, two] = images.map((number) => this.dataset.image(number));
    const told = ({ cameraName, time, path }) => [
      make("div", {}, cameraName),
      make("div", {}, clock(time)),
      make("div", { class: "path" }, path),
    ];
    const shown = [one, two].map((image) => [image.number, told(image), "wrong"]);
    const apart = seconds ? `${seconds.toFixed(2)} s apart` : "at the same time";
    return this.card(shown, `identity ${one.identity}, ${apart}`, null, null, this.fixes.question(this.dataset, one, two));
  }

  card(shown, text, query, image, question) {
    const pictures = shown.map(([number, caption, kind]) =>
      make("figure", { class: kind }, this.dataset.image(number).picture(), make("figcaption", {}, caption)),
    );
    const look = query
      ? make("button", { type: "button", click: () => this.browser.openRankedBy(0, query, image) }, "Look at this query")
      : null;
    return make("div", { class: "failure" }, make("div", { class: "pictures" }, pictures), make("p", {}, text), question, look);
  }

  paged({ count, listed }, render, none) {
    if (!listed.length) return make("p", {}, none);
    const list = make("ul", { class: "failures", role: "list" });
    const more = make("button", {
      type: "button",
      click: () => {
        const next = listed.slice(list.children.length, list.children.length + SUSPICIONS_PER_PAGE);
        list.append(...next.map((entry) => make("li", {}, render(entry))));
        const left = listed.length - list.children.length;
        more.hidden = !left;
        more.textContent = `Show ${Math.min(left, SUSPICIONS_PER_PAGE)} more of ${left}`;
      },
    });
    more.click();
    const notListed = count > listed.length ? make("p", { class: "quiet" }, `${count} found, the first ${listed.length} are listed.`) : null;
    return make("div", {}, list, notListed, more);
  }
}

/** The fixes that the reader has chosen, of all data sets of the page. */
class Fixes {
  constructor(root) {
    this.root = root;
    this.chosen = new Map();
    this.show();
  }

  /** A choice of what is wrong with the labels of two images. */
  question(dataset, one, two) {
    const key = `${dataset.number}/${one.number}/${two.number}`;
    const fix = (image, identity) => ({ dataset: dataset.name, path: image.path, was: image.identity, identity });
    const options = [["The labels are right", []]];
    if (one.identity !== two.identity) {
      options.push(
        [`The answer is ${one.identity}`, [fix(two, one.identity)]],
        [`The query is ${two.identity}`, [fix(one, two.identity)]],
      );
      const members = dataset.page.members[two.identity];
      if (members?.length > 1) {
        const all = members.map((path) => ({ ...fix(two, one.identity), path }));
        options.push([`All ${members.length} images of ${two.identity} are ${one.identity}`, all]);
      }
      options.push(["Leave the answer out", [fix(two, -1)]], ["Leave the query out", [fix(one, -1)]]);
    } else {
      options.push(["Leave the first out", [fix(one, -1)]], ["Leave the second out", [fix(two, -1)]]);
    }
    const chosen = this.chosen.get(key)?.option ?? 0;
    return make(
      "label",
      { class: "fix" },
      "Are the labels wrong? ",
      make(
        "select",
        {
          change: (event) => {
            const option = +event.target.value;
            this.chosen.delete(key); // so that a choice made again is the latest
            if (option) this.chosen.set(key, { option, fixes: options[option][1] });
            this.show();
          },
        },
        options.map(([text], place) => make("option", { value: String(place), selected: place === chosen }, text)),
      ),
    );
  }

  /** One line an image; the latest choice counts. */
  get csv() {
    const lines = new Map();
    for (const { fixes } of this.chosen.values()) {
      for (const { dataset, path, was, identity } of fixes) {
        const cells = [dataset, path, was, identity].map((cell) => `"${String(cell).replaceAll('"', '""')}"`);
        lines.set(`${dataset}\n${path}`, cells.join(","));
      }
    }
    return lines.size ? ["dataset,path,was,identity", ...lines.values(), ""].join("\n") : "";
  }

  show() {
    const { csv } = this;
    if (!csv) {
      this.root.replaceChildren(
        make("p", { class: "quiet" }, "Choose above what is wrong with a pair’s labels; the fixes gather here, as a CSV file."),
      );
      return;
    }
    const count = csv.split("\n").length - 2;
    // Half characters, of file names that are no text, cannot be encoded; toWellFormed() is missing in browsers before 2023.
    const file = `data:text/csv;charset=utf-8,${encodeURIComponent(csv.replace(/\p{Surrogate}/gu, "\ufffd"))}`;
    this.root.replaceChildren(
      make("p", {}, plural(count, "image"), " to relabel or, with identity -1, to leave out."),
      make("pre", { tabindex: "0", "aria-label": "Fixes as CSV" }, csv),
      make("a", { class: "button", href: file, download: "label_fixes.csv" }, "Save label_fixes.csv"),
      make("p", { class: "quiet" }, "Then: python evaluate.py … --label_fixes=label_fixes.csv"),
    );
  }
}
