// What re-ranking and temporal lifting changed for a query, and from whose times it was lifted.

const TIMELINE_HEIGHT = 96;

function showChanges(root, dataset, query, scoring) {
  if (dataset.scorings.length < 2) {
    root.remove();
    return;
  }
  root.append(make("h4", {}, "What each scoring makes of this query"), changesTable(dataset, query, scoring));
  if (scoring) root.append(movers(dataset, query, scoring));
  if (query.neighbours[scoring]) root.append(showNeighbours(dataset, query.neighbours[scoring]));
  const lifting = query.lifting[scoring];
  if (lifting) root.append(...showLifting(dataset, query, scoring, lifting));
}

function changesTable(dataset, query, scoring) {
  const cell = (text) => make("td", {}, text);
  const rows = dataset.scorings.map((name, place) => {
    const gained = query.precision[place] - query.precision[0];
    const change = place && query.precision[0] !== null ? `${signed(100 * gained, 1)}` : "";
    const inTen = query.answers[place].filter(([, mark, rank]) => mark === RIGHT && rank <= 10).length;
    return make(
      "tr",
      place === scoring ? { "aria-current": "true" } : {},
      make("th", { scope: "row" }, name),
      cell(percent(query.precision[place])),
      cell(change),
      cell(query.first[place] === null ? "–" : String(query.first[place])),
      cell(`${inTen} of ${query.right}`),
    );
  });
  const heads = ["scoring", "average precision", "change", "first right answer at rank", "right answers in the first ten"];
  return make(
    "div",
    { class: "wide", role: "region", tabindex: "0", "aria-label": `Scorings of this query of ${dataset.name}` },
    make(
      "table",
      {},
      make("thead", {}, make("tr", {}, heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, rows),
    ),
  );
}

/** The answers that moved most, up and down, in words; of the first scoring's also those that this one threw out. */
function movers(dataset, query, scoring) {
  const moved = [...query.answers[scoring], ...query.fallen[scoring]]
    .filter(([, , rank, , earlier]) => rank && earlier !== rank)
    .sort(([, , rankOne, , one], [, , rankTwo, , two]) => Math.abs(two - rankTwo) - Math.abs(one - rankOne))
    .slice(0, 6)
    .map(([number, mark, rank, , earlier]) =>
      make(
        "li",
        { class: MARKS[mark] },
        dataset.image(number).picture(),
        make("span", {}, `${MARKS[mark]}: rank ${earlier} → ${rank}`),
      ),
    );
  const from = dataset.scorings[0];
  if (!moved.length) return make("p", {}, `No answer shown stands elsewhere than by ${from}.`);
  return make(
    "div",
    { class: "movers" },
    make("h5", {}, `Moved most since ${from}`),
    make("ul", { role: "list", class: "small" }, moved),
  );
}

/** Whom re-ranking knows the query by. */
function showNeighbours(dataset, { count, listed }) {
  const items = listed.map(([number, weight]) => {
    const image = dataset.image(number);
    const words = `${image.identity}, ${image.cameraName}: ${percent(weight)}`;
    return make("li", {}, image.picture(), make("span", {}, words));
  });
  return make(
    "div",
    { class: "neighbours" },
    make("h5", {}, "Neighbours by which re-ranking knows the query"),
    make(
      "p",
      { class: "quiet" },
      "Images that have it among their nearest as it has them, averaged over its own nearest, with their weight. " +
        "An answer rises the more of these neighbours it shares.",
    ),
    items.length ? make("ul", { role: "list", class: "small" }, items) : make("p", {}, "None: it stands alone."),
    count > items.length ? make("p", { class: "quiet" }, `and ${count - items.length} more`) : null,
  );
}

function showLifting(dataset, query, scoring, lifting) {
  const now = dataset.image(query.image);
  if (now.time === null || now.camera === null) {
    return [make("p", {}, "Not lifted: the query’s camera or time is unknown.")];
  }
  const companions = lifting.companions.map((number) => {
    const image = dataset.image(number);
    return make("li", {}, image.picture(), make("span", {}, `${image.identity}: ${signed(image.time - now.time, 1)} s`));
  });
  const more = lifting.numCompanions - companions.length;
  const seen = make(
    "div",
    { class: "companions" },
    make("h5", {}, `Seen with the query at ${now.cameraName} within ${lifting.tau} s`),
    companions.length ? make("ul", { role: "list", class: "small" }, companions) : make("p", {}, "Nobody: it was lifted by its own matches."),
    more > 0 ? make("p", { class: "quiet" }, `and ${more} more`) : null,
  );
  const weights = new Map(query.answers[scoring].map(([number], place) => [number, lifting.weights[place]]));
  const cameras = lifting.cameras
    .filter((camera) => camera.numPivots)
    .map((camera) => showCamera(dataset, query, scoring, lifting, camera, weights));
  return [
    seen,
    make("h5", {}, "Where these were found, and so when the query is expected"),
    make(
      "p",
      { class: "quiet" },
      `The pivots are the best matches of the query and its companions at a camera. The curve is the weight that an image has by its ` +
        `time; a probability is multiplied by weight + ${lifting.alpha}.`,
    ),
    make("div", { class: "timelines" }, cameras),
  ];
}

function showCamera(dataset, query, scoring, lifting, camera, weights) {
  const pivots = camera.pivots.map((number, place) => ({ image: dataset.image(number), count: camera.counts[place] }));
  const answers = query.answers[scoring]
    .map(([number, mark, rank]) => ({ image: dataset.image(number), mark, rank }))
    .filter(({ image }) => image.camera === camera.camera && image.time !== null);
  const chart = make("div", { class: "timeline" });
  const svg = makeSvg("svg", { role: "img", "aria-label": timelineText(camera, pivots, answers, weights) });
  chart.append(svg);
  drawnAtWidth(chart, (width) => drawTimeline(svg, width, pivots, answers, lifting.sigma));
  const more = camera.numPivots - pivots.length;
  return make(
    "figure",
    {},
    make("figcaption", {}, make("b", {}, `Camera ${camera.camera}`), ` ${plural(camera.numPivots, "pivot")}`),
    chart,
    make(
      "ul",
      { role: "list", class: "small" },
      pivots.map(({ image, count }) =>
        make("li", {}, image.picture(), make("span", {}, `${image.identity}: ${clock(image.time)}${count > 1 ? `, counts ${count}` : ""}`)),
      ),
    ),
    more > 0 ? make("p", { class: "quiet" }, `and ${more} more`) : null,
  );
}

function timelineText(camera, pivots, answers, weights) {
  const times = pivots.map(({ image }) => clock(image.time)).join(", ");
  const told = answers.map(({ image, mark, rank }) => `${MARKS[mark]} answer ${rank || ""} at ${clock(image.time)}, weight ${weights.get(image.number)}`);
  return `Camera ${camera.camera}: pivots at ${times}. ${told.join("; ")}`;
}

/** The weight over the time at a camera, its pivots beneath it, and the answers on it. */
function drawTimeline(svg, width, pivots, answers, sigma) {
  const times = [...pivots, ...answers].map(({ image }) => image.time);
  const span = Math.max(...times) - Math.min(...times);
  const margin = Math.max(span * 0.08, Math.min(sigma, span || sigma) * 0.25);
  const first = Math.min(...times) - margin;
  const last = Math.max(...times) + margin;
  const base = TIMELINE_HEIGHT - 26;
  const x = (time) => 10 + ((time - first) / (last - first)) * (width - 20);
  const counted = pivots.reduce((sum, { count }) => sum + count, 0);
  const weight = (time) =>
    pivots.reduce((sum, { image, count }) => sum + count * Math.exp(-(((time - image.time) / sigma) ** 2)), 0) / counted;
  const y = (share) => base - share * (base - 12);
  const points = Array.from({ length: 97 }, (_, step) => first + (step / 96) * (last - first));
  const curve = points.map((time) => `${x(time).toFixed(1)},${y(weight(time)).toFixed(1)}`).join(" ");
  const text = (at, anchor, content) => makeSvg("text", { x: at, y: TIMELINE_HEIGHT - 4, "text-anchor": anchor }, content);
  svg.setAttribute("viewBox", `0 0 ${width} ${TIMELINE_HEIGHT}`);
  svg.replaceChildren(
    makeSvg("polygon", { class: "weight", points: `10,${base} ${curve} ${width - 10},${base}` }),
    makeSvg("line", { class: "grid", x1: 10, x2: width - 10, y1: base, y2: base }),
    ...pivots.map(({ image }) => makeSvg("path", { class: "pivot", d: `M${x(image.time)} ${base}l5 8h-10z` })),
    ...answers.map(({ image, mark }) =>
      makeSvg("circle", { class: MARKS[mark], cx: x(image.time), cy: y(weight(image.time)), r: 5 }, makeSvg("title", {}, `${image.about}, ${clock(image.time)}`)),
    ),
    text(10, "start", clock(Math.round(first))),
    text(width - 10, "end", clock(Math.round(last))),
  );
}
