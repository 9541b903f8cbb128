// What the page knows, decoded: images, queries, answers and correspondences. Numbers of images are those of the page.

const MARKS = ["right", "wrong", "ignored"];
const SYMBOLS = { right: "✓", wrong: "✗", ignored: "–" };
const RIGHT = 0;
const WRONG = 1;

/** Makes an element: attributes that are functions become listeners, those that are null or false are left out. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

function makeSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function readJson(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

/** Base64 of little-endian numbers to a typed array. */
function decode(text, Type) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Type(bytes.buffer);
}

function percent(share) {
  return share === null ? "–" : `${(100 * share).toFixed(1)}%`;
}

function signed(value, digits = 3) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
}

/** Seconds of a clock as text: times since 1970 as date and time. */
function clock(seconds) {
  if (seconds === null) return "time unknown";
  if (seconds > 1e8) return new Date(1000 * seconds).toISOString().slice(0, 19).replace("T", " ");
  return `${seconds.toFixed(seconds % 1 ? 1 : 0)} s`;
}

function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** Calls `draw` now and whenever the element's width changes. */
function drawnAtWidth(element, draw) {
  let width = 0;
  new ResizeObserver(() => {
    if (element.clientWidth === width || !element.clientWidth) return;
    width = element.clientWidth;
    draw(width);
  }).observe(element);
}

/** One image of a data set, as the page shows it. */
class PageImage {
  constructor(number, [path, identity, camera, time], thumbnail) {
    Object.assign(this, { number, path, identity, camera, time });
    this.source = `data:image/jpeg;base64,${thumbnail}`;
  }

  get cameraName() {
    return this.camera === null ? "camera unknown" : `camera ${this.camera}`;
  }

  get about() {
    return `identity ${this.identity}, ${this.cameraName}`;
  }

  /** The picture alone: what stands beside it says what it is. */
  picture() {
    return make("img", { src: this.source, alt: "", title: this.path, decoding: "async" });
  }
}

/** Where each location of a pair matched, and its share of the score. Index 0: the query's locations, 1: the answer's. */
class Pair {
  constructor(matches, number) {
    const { height, width, constants, temperature } = matches.page;
    const constant = constants[number];
    Object.assign(this, { height, width, constant, temperature });
    this.locations = height * width;
    const part = (array, side) => {
      const first = (2 * number + side) * this.locations;
      return array.subarray(first, first + this.locations);
    };
    this.best = [part(matches.best, 0), part(matches.best, 1)];
    const unit = matches.page.unit[number];
    this.shares = [0, 1].map((side) => Float64Array.from(part(matches.shares, side), (share) => share * unit));
    this.totals = matches.page.totals[number];
    this.score = this.totals[0] + this.totals[1] + constant;
    this.probability = 1 / (1 + Math.exp(-this.score / temperature));
    this.largest = Math.max(...this.shares.map((shares) => shares.reduce((most, one) => Math.max(most, Math.abs(one)), 0)));
    this.positive = this.shares.reduce((sum, shares) => shares.reduce((s, one) => s + Math.max(0, one), sum), 0);
  }

  /** Whether a location's best match has it as its own best match. */
  mutual(side, place) {
    return this.best[1 - side][this.best[side][place]] === place;
  }

  /** Locations of the other image whose best match is this one. */
  matchedBy(side, place) {
    const found = [];
    this.best[1 - side].forEach((best, other) => best === place && found.push(other));
    return found;
  }

  /** All matches as lines between the images, the largest share first; both directions of a mutual match are one. */
  lines() {
    const lines = [];
    for (let place = 0; place < this.locations; place++) {
      const other = this.best[0][place];
      const mutual = this.mutual(0, place);
      const share = this.shares[0][place] + (mutual ? this.shares[1][other] : 0);
      lines.push({ places: [place, other], share, mutual });
    }
    for (let other = 0; other < this.locations; other++) {
      if (!this.mutual(1, other)) {
        lines.push({ places: [this.best[1][other], other], share: this.shares[1][other], mutual: false });
      }
    }
    return lines.sort((one, two) => Math.abs(two.share) - Math.abs(one.share));
  }
}

/** A data set of the page. */
class PageDataset {
  constructor(page, number, thumbnails) {
    Object.assign(this, { page, number, name: page.name, scorings: page.scorings });
    this.images = new Map(
      Object.entries(page.images).map(([key, about]) => [+key, new PageImage(+key, about, thumbnails[key])]),
    );
    if (page.matches) {
      const { best, shares, height, width } = page.matches;
      this.matches = {
        page: page.matches,
        best: decode(best, height * width <= 256 ? Uint8Array : Uint16Array),
        shares: decode(shares, Int16Array),
      };
    }
  }

  image(number) {
    return this.images.get(number);
  }

  /** The correspondences of a query and an image, or null. */
  pair(query, image) {
    const number = query.pairs[image];
    return number === undefined ? null : new Pair(this.matches, number);
  }
}
