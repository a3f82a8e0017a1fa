import { assertEquals } from "@std/assert";
import { clear } from "./clear.ts";
import { gpuTest, narrowLimits, runTest } from "../testing/testing.ts";

gpuTest("clear() leaves nothing of what was there, over windows of rows too", async () => {
  for (const [rows, limits] of [[37, undefined], [150, narrowLimits(64 * 64 * 4)]] as const) {
    await runTest((t) => {
      const out = t.output("out", rows, 64); // full of garbage
      clear(t.builder, out);
      return out;
    }, async (out, read) => {
      assertEquals(await read(out), new Float64Array(rows * 64));
    }, limits && { limits });
  }
});
