import { assertEquals } from "@std/assert";
import { modelConfig } from "../../src/models/model_config.ts";
import { profiles } from "../sweep/profiles.ts";
import { planSweep } from "../sweep/sweep.ts";
import { loadAll } from "./run_bench.ts";

Deno.test("loadAll() tells what is known without a network of data that are trained on for quality, and of no others", async () => {
  for (const qualitySteps of [0, 3]) {
    const options = { ...profiles.smoke("software"), qualitySteps };
    const cells = planSweep({ ...options, models: ["nano", "vit-nano"].map(modelConfig) });
    const dataOf = await loadAll(cells, {});
    const rules = [cells[0], cells.at(-1)!].map((cell) => dataOf(cell).report.baseline?.rule);
    assertEquals(rules, qualitySteps > 0 ? ["bigram", "classes"] : [undefined, undefined]);
    assertEquals(new Set(cells.map(dataOf)).size, 2, "each is read once");
  }
});
