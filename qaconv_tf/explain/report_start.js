// Starts the page: one query browser and one failure explorer for each data set; the address may name a pair to open.

const thumbnails = readJson("thumbnails");
const datasets = readJson("data").map((page, number) => new PageDataset(page, number + 1, thumbnails));
const fixes = new Fixes(document.getElementById("fixes"));

for (const element of document.querySelectorAll(".needs-script")) element.hidden = false;
const browsers = datasets.map((dataset) => {
  const part = (name) => document.querySelector(`[data-part="${name}-${dataset.number}"]`);
  const browser = new QueryBrowser(part("queries"), dataset, fixes);
  new FailureExplorer(part("failures"), dataset, browser, fixes);
  browser.linked = true;
  return browser;
});

/** Opens what the address names: data set, query, answer and scoring. */
function openAddress() {
  const [, dataset, query, image, scoring] = /^#(\d+)\/(\d+)\/(\d+)(?:\/(\d+))?$/.exec(location.hash) ?? [];
  browsers[dataset - 1]?.openAddress(+query, +image, +scoring);
}

openAddress();
addEventListener("hashchange", openAddress);
