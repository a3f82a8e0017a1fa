import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { records, told } from "../report/reinvestment_testing.ts";
import type { PeerRow } from "../report/peer_records.ts";
import type { CellRecord } from "../results/results.ts";
import { fakeHeader, fakeRecord } from "../results/testing.ts";
import { fitsIn } from "./fits.ts";
import { peersSection } from "./peers_section.ts";
import { reinvestSection } from "./reinvest_section.ts";
import { sweepOf } from "./reports.ts";
import { card, measured, mebibyte, rows, sweep } from "./testing.ts";

Deno.test("reinvestSection() counts the ways and the tests of models that learnt something alone", () => {
  const idle = records.map((record): CellRecord => ({
    ...record,
    configuration: {
      ...record.configuration,
      model: record.configuration.model === "nano"
        ? "micro"
        : record.configuration.model.replace("nano", "micro"),
      ...record.configuration.reinvested &&
        { reinvested: { ...record.configuration.reinvested, model: "micro" } },
    },
    data: { ...record.data, baseline: { rule: "bigram", loss: 1 } } as CellRecord["data"],
  }));
  const lines = [...records, ...idle];
  const header = fakeHeader(lines, {
    command: "deno task bench reinvest",
    reinvest: [...told.reinvest, { ...told.reinvest[0], model: "micro" }],
  });
  const results = [header, ...lines].map((line) => JSON.stringify(line)).join("\n");
  const reinvest = sweepOf("reports/reinvest/report.md", [{ results, report: "" }]);
  assertStringIncludes(
    reinvestSection({ sweeps: { reinvest }, peers: {} })!,
    "Trained so (nano), in equal time 1 of 2 ways measurably lowers the loss, 0 raise it; in equal tokens 1 of 2 ways measurably lowers the loss, " +
      "1 raises it: of 2 such tests",
  );
});

const peer = (form: string, speed: number, mebibytes: number, changes: Partial<PeerRow> = {}): PeerRow => ({
  ...{ model: "nano", batch: 4, sequence: 128, unit: "tokens", arithmetic: "f32", form, compiled: false },
  ...{
    optimizer: "fused AdamW",
    rounds: 1,
    wallSpeed: null,
    compileSeconds: null,
    firstLoss: null,
    losses: [],
    failure: null,
  },
  ...{ speed: { median: speed, smallest: speed, largest: speed }, peakBytes: mebibytes * mebibyte },
  ...changes,
});

const gpt2 = (...rows: PeerRow[]) => ({ gpt2: { ...card, adapter: "Imaginary 9000", rows } });
const exact = fakeRecord({}, measured(1, 1, 400, 10));

Deno.test("peersSection() tells by how much from the smallest to the largest, whatever the order of models", () => {
  const micro = { ...fakeRecord({ batch: 8 }, measured(1, 1, 400, 10)) };
  const both = [peer("plain", 204800, 800), peer("plain", 204800, 800, { batch: 8 })]; // 4.00× and 2.00×
  assertStringIncludes(
    peersSection({ sweeps: { text: sweep(exact, micro) }, peers: gpt2(...both) })!,
    "in speed alone, by 2.00× (`exact` of nano at 8 × 128 against f32, plain) to 4.00× (`exact` of nano at 4 × 128 against f32, plain)",
  );
});

Deno.test("peersSection() sets beside a policy no row that is compiled", () => {
  const some = [peer("plain", 204800, 300, { compiled: true }), peer("plain", 102400, 800)];
  assertEquals(rows(peersSection({ sweeps: { text: sweep(exact) }, peers: gpt2(...some) }))[2], [
    "`exact`",
    "f32, plain",
    "0.50×",
    "0.50×",
    "1",
  ]);
});

Deno.test("peersSection() sets beside f32's rows no policy in f16, whichever sweep comes first", () => {
  const in16 = fakeRecord({ arithmetic: "f16" }, measured(1, 1, 400, 5));
  const sweeps = { frontierNative: sweep(in16), text: sweep(exact) };
  assertEquals(rows(peersSection({ sweeps, peers: gpt2(peer("plain", 102400, 800)) }))[2], [
    "`exact`",
    "f32, plain",
    "0.50×",
    "0.50×",
    "1",
  ]);
});

Deno.test("no row of PyTorch's in as many bytes is smaller", () => {
  assertStringIncludes(
    peersSection({ sweeps: { text: sweep(exact) }, peers: gpt2(peer("plain", 102400, 400)) })!,
    "no row of PyTorch here is faster and smaller than Headroom's `exact`",
  );
});

Deno.test("fitsIn() refuses answers of which nothing was tried", () => {
  const printed =
    `Planned for Imaginary 9000, bindings of at most 2 GiB; variants of kernels by the kernels' tables

| model | policy | at          |     in |  largest | buffers | the next | exceeds by | limited by | proof |
| :---- | :----- | :---------- | -----: | -------: | ------: | -------: | ---------: | :--------- | :---- |
| small | exact  | 1024 tokens | 80 GiB | batch 57 |  79 GiB |       58 |    300 MiB | memory     | –     |
`;
  assertThrows(() => fitsIn("fit.txt", printed), UserError, "was not proved (small, exact)");
});
