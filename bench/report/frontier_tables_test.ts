import { assertEquals } from "@std/assert";
import { compare } from "./cell_rounds.ts";
import { fakeCombinations, fakeFrontier } from "./frontier_testing.ts";
import { frontierSection } from "./frontier_tables.ts";

const all = [
  { name: "exact", policy: "exact", memory: 8, time: 1 },
  { name: "half", policy: "half", memory: 5, time: 1.05, error: 0.0002 },
  { name: "mesa8", policy: "mesa8", memory: 4.5, time: 1.1, error: 0.01 },
];

const rowsOf = (table: string) =>
  table.split("\n").map((line) => line.split("|").slice(1, -1).map((text) => text.trim()));

Deno.test("frontierSection() says how a combination ended that has no speed", () => {
  const records = fakeCombinations(all).map((record) =>
    record.configuration.policy === "exact"
      ? record
      : { ...record, timing: null, status: record.configuration.policy === "half" ? "oom" : "error" } as const
  );
  const rows = rowsOf(frontierSection(compare(records), fakeFrontier(all))!);
  assertEquals(rows.slice(2).map(([, name, , , speed]) => [name, speed]), [
    ["mesa8", "failed"],
    ["half", "out of memory"],
    ["exact", "1.00×"],
  ]);
});

Deno.test("frontierSection() tells PyTorch's rows as multiples of exact's buffers and speed", () => {
  const row = { model: "nano", sequence: 128, batch: 4, name: "f32, plain", bytes: 2 ** 34 };
  const tokensPerSecond = 1000 * 4 * 128 / 101 / 2; // a step of exact's takes 101 ms
  const told = fakeFrontier(all, [{ ...row, tokensPerSecond }]);
  const [measured, table] = frontierSection(compare(fakeCombinations(all)), told)!.split("\n\n").slice(-2);
  assertEquals(measured, "PyTorch's rows, measured by `python3 bench/peers/torch_gpt2.py`:");
  const rows = rowsOf(table);
  assertEquals(rows[0].slice(1, 5), ["peak", "of exact's buffers", "tokens/s", "of exact's speed"]);
  assertEquals(rows[2].slice(0, 5), ["f32, plain", "16 GiB", "2.00×", "2,535", "0.50×"]);
});
