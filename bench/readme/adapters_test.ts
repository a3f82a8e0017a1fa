import { assertEquals } from "@std/assert";
import { adaptersTable } from "./adapters.ts";
import type { Entry } from "./reports_index.ts";

const entry = (changes: Partial<Entry>): Entry => ({
  ...{
    folder: "set/one",
    questions: [],
    measured: ["memory and speed"],
    models: "small",
    date: "2026-11-28",
  },
  ...{ card: "Imaginary 9000", adapter: "Imaginary 9000", driver: "1.2", runtime: "native", software: false },
  ...{ commit: "0123456789ab", command: "deno task bench" },
  ...changes,
});
const rows = (entries: Entry[]) =>
  adaptersTable(entries).split("\n").slice(2)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

Deno.test("adaptersTable() has a row for each adapter, driver and runtime, with what was measured and when last", () => {
  const processor = { adapter: "a processor", software: true, driver: null, date: "2026-12-31" };
  assertEquals(
    rows([
      entry(processor),
      entry({ measured: ["gradient error"], models: "micro, small", date: "2026-11-30" }),
      entry({}),
      entry({ measured: ["gradient error"], models: "micro" }),
      entry({ runtime: "dawn", card: "Imaginary 9000 under Dawn" }),
      entry({ driver: "1.3", measured: ["kernels"], models: "", date: "2026-12-01" }),
    ]),
    [
      ["Imaginary 9000", "1.3", "native", "kernels", "", "2026-12-01"],
      [
        ...["Imaginary 9000", "1.2", "native", "gradient error (2 reports), memory and speed"],
        ...["micro, small", "2026-11-30"],
      ],
      ["Imaginary 9000", "1.2", "dawn", "memory and speed", "small", "2026-11-28"],
      [
        ...["a processor, on the processor", "not told", "native", "memory and speed"],
        ...["small", "2026-12-31"],
      ],
    ],
  );
});

Deno.test("adaptersTable() leaves out what another program measured", () => {
  assertEquals(rows([entry({ measured: [], adapter: "PyTorch's card" }), entry({})]).length, 1);
});
