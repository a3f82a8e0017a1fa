import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { parseSweep } from "../results/read_results.ts";
import { fakeHeader, fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { findBrowser, Page } from "../testing/browser.ts";
import { renderPage } from "./page.ts";
import type { CellRecord } from "../results/results.ts";
import { peersSource } from "./peer_points.ts";
import { sweepSource } from "./points.ts";

/** Names that would run, or end the script that they stand in, if they were taken for markup. */
const evil = {
  policy: '<script>window.ran = "policy"</script>',
  model: '</script><img src=x onerror="window.ran = 1">',
  adapter: "<!--<script>",
  folder: 'reports/<b>bold</b> & "quoted" $& $\'',
};

const measured = (ms: number, mebibytes: number) => ({
  memory: { ...fakeMeasurement().memory!, bufferBytes: mebibytes * 2 ** 20 },
  timing: { ...fakeMeasurement().timing!, stepMilliseconds: [ms, ms, ms] },
});

function recordsOf(adapter: string, records: CellRecord[]): CellRecord[] {
  for (const { environment } of records) environment.adapter = adapter;
  return parseSweep([fakeHeader(records), ...records].map((line) => JSON.stringify(line)).join("\n")).records;
}

const records = [
  recordsOf(evil.adapter, [
    fakeRecord({ policy: "exact", model: evil.model }, measured(10, 100)),
    fakeRecord(
      { policy: evil.policy, model: evil.model, storage: fakeRecord().configuration.storage },
      measured(20, 50),
    ),
  ]),
  recordsOf("Imaginary 9000", [
    fakeRecord({ policy: "exact" }, measured(10, 80)),
    fakeRecord({ policy: "half" }, measured(11, 60)),
    fakeRecord({ policy: "exact", round: 1, qualitySteps: 0 }, { ...measured(10, 80), quality: null }),
    fakeRecord({ policy: "half", round: 1, qualitySteps: 0 }, { ...measured(12, 60), quality: null }),
    fakeRecord({ policy: "mesa8" }, { ...measured(1, 90), status: "oom", timing: null }),
    fakeRecord({ policy: "exact", round: 2, qualitySteps: 0 }, { ...measured(10, 80), quality: null }),
    fakeRecord({ policy: "half", round: 2, qualitySteps: 0 }, { ...measured(11.5, 60), quality: null }),
  ]),
];

const sources = [evil.folder, "reports/plain"].map((folder, i) =>
  sweepSource(folder, { header: null, records: records[i], skipped: [], versions: [3] })
);

Deno.test("renderPage() keeps names out of the markup, and every record in the data", async () => {
  assertEquals(records.map(({ length }) => length), [2, 7]);
  const page = await renderPage(sources);
  const [, data] = page.match(/<script id="data" type="application\/json">([^]*?)<\/script>/)!;
  assertFalse(data.includes("<"));
  const parsed = JSON.parse(data);
  assertEquals(new Set(parsed.records.map(keyOfRecord)), new Set(records.flat().map(keyOfRecord)));
  assertEquals(parsed.points.map(({ policy }: { policy: string }) => policy), [
    ...["exact", evil.policy],
    ...["exact", "half", "mesa8"],
  ]);
  const rest = page.replace(data, "");
  for (const name of Object.values(evil)) assertFalse(rest.includes(name), name);
  assertEquals(page.match(/<\/script>/g)!.length, 4);
});

Deno.test("renderPage() holds all that it needs, and forbids the rest", async () => {
  const page = await renderPage(sources);
  assertStringIncludes(page, "default-src 'none'; ");
  assertEquals(page.match(/'sha256-[A-Za-z0-9+/]{43}='/g)!.length, 3);
  assertFalse(/<(link|script|img|iframe)[^>]+(src|href)=/.test(page));
});

Deno.test("renderPage() shows PyTorch's rows beside, with the turns of each", async () => {
  const folder = "reports/2026-11-30-nvidia-h200/peers-deit";
  const text = await Deno.readTextFile(`${import.meta.dirname}/../../${folder}/results.jsonl`);
  const { cells, policies } = peersSource(folder, text);
  assertEquals(cells.flatMap((cell) => cell.records).length, text.trimEnd().split("\n").length - 1);
  const plain = cells.find(({ point }) =>
    point.model === "deit-small" && point.policy === "PyTorch: f32, plain"
  )!;
  assertEquals([plain.point.size, plain.point.adapter, plain.point.date], [
    "128 × 197",
    "NVIDIA H200",
    "2026-11-30",
  ]);
  assertEquals(plain.point.numbers.tokens, 197 * plain.point.numbers.images);
  assertEquals(policies.size, new Set(cells.map(({ point }) => point.policy)).size);
  assertStringIncludes(await renderPage([...sources, { cells, policies }]), "of 3 reports");
});

const keyOfRecord = (record: object) => JSON.stringify(record);

const browser = await findBrowser();
const text = (id: string) => `document.getElementById("${id}").textContent`;
const column = (place: number) =>
  `[...document.querySelectorAll("#cells tbody tr")].map((row) => row.cells[${place}].textContent)`;
const heads = `[...document.querySelectorAll("#cells th")]`;

Deno.test({
  name: `the page sorts, filters, changes its axes and follows a point to its record${
    browser ? "" : ": no Chromium is installed, nor to be had from npm"
  }`,
  ignore: !browser,
  async fn(t) {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/page.html`, await renderPage(sources));
    const page = await Page.open(browser!, `${folder}/page.html`);
    const clickHead = (title: string) =>
      page.value(
        `${heads}.find((head) => head.textContent === ${
          JSON.stringify(title)
        }).querySelector("button").click()`,
      );
    const placeOf = (title: string) =>
      page.value<number>(`${heads}.findIndex((head) => head.textContent === ${JSON.stringify(title)})`);
    const pointCount = `document.querySelectorAll('#chart [aria-roledescription="point"]').length`;
    try {
      await t.step("names are shown, and do nothing", async () => {
        assertEquals(await page.value("typeof window.ran"), "undefined");
        const policies = await page.value<string[]>(column(await placeOf("Policy")));
        assert(policies.includes(evil.policy), `${policies}`);
        assertEquals(
          await page.value("document.querySelectorAll('main img, main script, main b').length"),
          0,
        );
        assertEquals(await page.value(text("count")), "5 of 5 cells");
      });

      await t.step(
        "a click on a title sorts by it, another the other way; what has no number stands at the end",
        async () => {
          const speed = await placeOf("speed, of exact's");
          await clickHead("speed, of exact's");
          assertEquals(await page.value(column(speed)), ["0.500", "0.870", "1.000", "1.000", "–"]);
          await clickHead("speed, of exact's");
          assertEquals(await page.value(column(speed)), ["1.000", "1.000", "0.870", "0.500", "–"]);
          assertEquals(await page.value(`${heads}[${speed}].getAttribute("aria-sort")`), "descending");
          assertEquals(await page.value(`document.querySelectorAll("[aria-sort]").length`), 1);
        },
      );

      await t.step("the interval of a speed stands beside it, and sorts by where it begins", async () => {
        const title = "95% interval of the speed";
        const place = await placeOf(title);
        assertEquals(place, await placeOf("speed, of exact's") + 1);
        await clickHead(title);
        assertEquals(await page.value(column(place)), ["0.781–0.969", ...Array(4).fill("–")]);
        assertEquals((await page.value<string[]>(column(place - 1)))[0], "0.870");
      });

      await t.step(
        "the chart has a point for each cell with both quantities, on axes of choice",
        async () => {
          await page.until(`${pointCount} === 4`);
          assertEquals(
            await page.value(text("absent")),
            "Not here, for want of one of the two: 1 of 5 cells.",
          );
          await page.value(
            `(document.getElementById("y").value = "buffers", document.getElementById("y").dispatchEvent(new Event("change")))`,
          );
          await page.until(`${pointCount} === 5`);
          assertStringIncludes(await page.value(text("chart")), "buffers, MiB");
        },
      );

      await t.step("a box that is not checked takes its cells out of table and chart", async () => {
        const box = `document.querySelector('input[name="policy"][value="half"]')`;
        await page.value(`${box}.click()`);
        assertEquals(await page.value(text("count")), "4 of 5 cells");
        await page.until(`${pointCount} === 4`);
        await page.value(`${box}.click()`);
        await page.until(`${pointCount} === 5`);
      });

      await t.step("a point of the chart leads to the records of its cell", async () => {
        const { x, y } = await page.value<{ x: number; y: number }>(`(() => {
          const point = [...document.querySelectorAll('#chart [aria-roledescription="point"]')]
            .find((one) => one.getAttribute("aria-label").includes("half"));
          point.scrollIntoView({ block: "center" });
          const { x, y, width, height } = point.getBoundingClientRect();
          return { x: x + width / 2, y: y + 1 };
        })()`);
        for (const type of ["mouseMoved", "mousePressed", "mouseReleased"]) {
          await page.command("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
        }
        await page.until(`document.getElementById("record").open`);
        assertEquals(await page.value(text("record-title")), "nano, 4 × 128, half");
        const shown = await page.value<string[]>(
          `[...document.querySelectorAll("#record pre")].map((pre) => pre.textContent)`,
        );
        assertEquals(shown.map((json) => JSON.parse(json)), [1, 3, 6].map((place) => records[1][place]));
        await page.value(`document.querySelector("#record button").click()`);
        assertFalse(await page.value(`document.getElementById("record").open`));
      });

      await t.step("the keyboard leads there, too", async () => {
        await page.value(`document.querySelector("#cells tbody button").focus()`);
        for (const type of ["keyDown", "keyUp"]) {
          await page.command("Input.dispatchKeyEvent", {
            type,
            key: "Enter",
            code: "Enter",
            windowsVirtualKeyCode: 13,
            text: "\r",
          });
        }
        await page.until(`document.getElementById("record").open`);
      });

      await t.step("nothing was refused, and nothing failed", () => assertEquals(page.complaints, []));
    } finally {
      await page.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
