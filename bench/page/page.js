// What the page does in a browser. Names come from users: they reach the document as text, never as markup.
"use strict";

const { points, records, quantities, styles } = JSON.parse(document.getElementById("data").textContent);
const filters = { model: "Model", policy: "Policy", adapter: "Adapter", report: "Report" };
const words = { ...filters, size: "Size", date: "Date", status: "Status" };
/** The column of the speed's interval, which is sorted by where that begins. */
const interval = "speedLow";
const titles = {
  ...words,
  ...Object.fromEntries(quantities.map(({ field, title }) => [field, title])),
  [interval]: "95% interval of the speed",
};
const columns = [
  "model",
  "size",
  "policy",
  ...quantities.flatMap(({ field }) => field === "speed" ? [field, interval] : [field]),
  "status",
  "adapter",
  "report",
  "date",
]
  .filter((field) => field in words || points.some(({ numbers }) => field in numbers));
const state = { hidden: new Set(), sort: "model", descending: false };

const byId = (id) => document.getElementById(id);

/** An element with properties and children; strings among these become text. */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const valueOf = (point, field) => field in words ? point[field] : point.numbers[field];
const keyOf = (field, value) => JSON.stringify([field, value]);
const shown = () =>
  points.filter((point) =>
    Object.keys(filters).every((field) => !state.hidden.has(keyOf(field, point[field])))
  );

function buildFilters() {
  for (const [field, title] of Object.entries(filters)) {
    const values = [...new Set(points.map((point) => point[field]))];
    const boxes = values.map((value) =>
      element("input", { type: "checkbox", checked: true, name: field, value })
    );
    for (const box of boxes) {
      box.addEventListener("change", () => {
        state.hidden[box.checked ? "delete" : "add"](keyOf(field, box.value));
        update();
      });
    }
    const all = element("button", { type: "button" }, "all or none");
    all.addEventListener("click", () => {
      const checked = boxes.some((box) => !box.checked);
      for (const box of boxes) if (box.checked !== checked) box.click();
    });
    const labels = boxes.map((box, i) => element("label", {}, box, ` ${values[i]}`));
    byId("filters").append(element("fieldset", {}, element("legend", {}, title), all, ...labels));
  }
}

function buildAxes() {
  const known = quantities.filter(({ field }) => points.some(({ numbers }) => field in numbers));
  for (const [id, wanted] of [["x", "memoryShare"], ["y", "speed"]]) {
    const options = known.map(({ field, title }) => element("option", { value: field }, title));
    byId(id).append(...options);
    if (known.some(({ field }) => field === wanted)) byId(id).value = wanted;
    byId(id).addEventListener("change", drawChart);
  }
}

function buildHead() {
  const cells = columns.map((field) => {
    const button = element("button", { type: "button" }, titles[field]);
    button.addEventListener("click", () => {
      state.descending = state.sort === field && !state.descending;
      state.sort = field;
      drawTable();
    });
    const head = element("th", { scope: "col", className: field in words ? "" : "number" }, button);
    head.dataset.field = field;
    return head;
  });
  byId("cells").tHead.append(element("tr", {}, ...cells));
}

/** Values in order; cells without one stand at the end, whichever way. */
function inOrder(some) {
  const sign = state.descending ? -1 : 1;
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  return some.toSorted((a, b) => {
    const [one, other] = [valueOf(a, state.sort), valueOf(b, state.sort)];
    if (one === undefined || other === undefined) return (one === undefined) - (other === undefined);
    return sign * (typeof one === "number" ? one - other : compare(one, other));
  });
}

function drawTable() {
  const visible = inOrder(shown());
  for (const head of byId("cells").tHead.rows[0].cells) {
    const sorted = head.dataset.field === state.sort;
    if (sorted) head.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  const decimals = Object.fromEntries(quantities.map((quantity) => [quantity.field, quantity.decimals]));
  const numberText = (value, digits) =>
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const text = (point, field) => {
    const value = valueOf(point, field);
    if (value === undefined) return "–";
    if (field in words) return value;
    if (field !== interval) return numberText(value, decimals[field]);
    return [value, point.numbers.speedHigh].map((end) => numberText(end, decimals.speed)).join("–");
  };
  byId("cells").tBodies[0].replaceChildren(...visible.map((point) => {
    const open = element("button", { type: "button", title: "Show its records" }, point.model);
    open.addEventListener("click", () => showRecord(point));
    const cells = columns.map((field) =>
      element(
        "td",
        { className: field in words ? "" : "number" },
        field === "model" ? open : text(point, field),
      )
    );
    return element("tr", {}, ...cells);
  }));
  byId("count").textContent = `${visible.length} of ${points.length} cells`;
}

/** A record as JSON, with lists of numbers on one line. */
const recordText = (record) =>
  JSON.stringify(record, null, 2).replace(/\[\n[\s\d.,eE+nul-]*\]/g, (list) => list.replace(/\s+/g, " "));

function showRecord(point) {
  byId("record-title").textContent = `${point.model}, ${point.size}, ${point.policy}`;
  const rounds = point.records.map((place, i) => {
    const { configuration, round = configuration.round, status } = records[place];
    const seed = configuration ? `, seed ${configuration.seed}` : "";
    return element(
      "details",
      { open: i === 0 },
      element("summary", {}, `round ${round + 1}${seed}: ${status}`),
      element("pre", { tabIndex: 0 }, recordText(records[place])),
    );
  });
  byId("record-body").replaceChildren(
    element("p", {}, `${point.report}, ${point.date}, ${point.adapter}`),
    ...rounds,
  );
  byId("record").showModal();
}

let view = null;

/** The chart of what is shown: a point for each cell that has both quantities, and the interval where the speed goes up. */
function drawChart() {
  const [x, y] = [byId("x").value, byId("y").value];
  const visible = shown();
  const rows = visible.filter(({ numbers }) => x in numbers && y in numbers).map((
    { id, model, size, policy, status, numbers },
  ) => ({
    ...{ id, policy, cell: `${model}, ${size}, ${policy}`, x: numbers[x], y: numbers[y] },
    ...y === "speed" && { low: numbers.speedLow, high: numbers.speedHigh },
    fits: status !== "out of memory",
  }));
  byId("absent").textContent = rows.length < visible.length
    ? `Not here, for want of one of the two: ${visible.length - rows.length} of ${visible.length} cells.`
    : "";
  const policies = Object.keys(styles).filter((policy) => rows.some((row) => row.policy === policy));
  const style = getComputedStyle(document.documentElement);
  const [text, line] = ["--text", "--line"].map((name) => style.getPropertyValue(name).trim());
  const channel = (name) => ({
    field: "policy",
    type: "nominal",
    title: null,
    scale: { domain: policies, range: policies.map((policy) => styles[policy][name]) },
    legend: {
      orient: "bottom",
      columns: Math.max(1, Math.floor(byId("chart").clientWidth / 160)),
      symbolStrokeWidth: 2,
      symbolLimit: 0,
    },
  });
  const axis = (field) => ({
    field,
    type: "quantitative",
    title: titles[field === "x" ? x : y],
    scale: { zero: false, padding: 16, nice: false },
    axis: { tickCount: field === "x" ? Math.max(3, Math.floor(byId("chart").clientWidth / 110)) : 6 },
  });
  const color = channel("color");
  const spec = {
    data: { values: rows },
    width: Math.max(240, byId("chart").clientWidth - 90),
    height: 320,
    background: "transparent",
    config: {
      font: "system-ui, sans-serif",
      view: { stroke: null },
      axis: { labelColor: text, titleColor: text, gridColor: line, domainColor: line, tickColor: line },
      legend: { labelColor: text, labelLimit: 220 },
    },
    layer: [
      {
        transform: [{ filter: "isValid(datum.low)" }],
        mark: { type: "rule", strokeWidth: 1.5 },
        encoding: { x: axis("x"), y: { ...axis("y"), field: "low" }, y2: { field: "high" }, color },
      },
      {
        mark: { type: "point", size: 90, strokeWidth: 2, opacity: 1, tooltip: true },
        encoding: {
          ...{ x: axis("x"), y: axis("y"), color, shape: channel("shape") },
          tooltip: [{ field: "cell", title: "cell" }, { field: "x", title: titles[x] }, {
            field: "y",
            title: titles[y],
          }],
        },
      },
    ],
  };
  view?.finalize();
  view = new vega.View(vega.parse(vegaLite.compile(spec).spec), {
    renderer: "svg",
    container: byId("chart"),
  });
  view.addEventListener("click", (_, item) => {
    const { id } = item?.datum ?? {};
    if (id !== undefined) showRecord(points[id]);
  });
  view.runAsync();
}

function update() {
  drawTable();
  drawChart();
}

buildFilters();
buildAxes();
buildHead();
update();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawChart);
let redraw = 0;
addEventListener("resize", () => {
  clearTimeout(redraw);
  redraw = setTimeout(drawChart, 150);
});
