// Starts the page: one query browser and one failure explorer for each data set; an address may name a pair to open.

const thumbnails = readJson("thumbnails");
const datasets = readJson("data").map((page, number) => new PageDataset(page, number + 1, thumbnails));
const fixes = new Fixes(document.getElementById("fixes"));
const address = /^#(\d+)\/(\d+)\/(\d+)$/.exec(location.hash);

for (const element of document.querySelectorAll(".needs-script")) element.hidden = false;
for (const dataset of datasets) {
  const part = (name) => document.querySelector(`[data-part="${name}-${dataset.number}"]`);
  const browser = new QueryBrowser(part("queries"), dataset, fixes);
  new FailureExplorer(part("failures"), dataset, browser, fixes);
  browser.linked = true;
  if (address && +address[1] === dataset.number) {
    const query = dataset.page.queries.find(({ image }) => image === +address[2]);
    if (query) browser.open(query, true, +address[3]);
  }
}
