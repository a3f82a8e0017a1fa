import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { openMpi, requireMpi } from "./mpi.ts";
import { alone, gathered, toldBy } from "./ranks.ts";
import { ranksTest, runRanks } from "./testing.ts";

const program = new URL("mpi_testing.ts", import.meta.url);

for (const size of [1, 2, 3]) {
  ranksTest(`openMpi() exchanges and sums between ${size} process${size > 1 ? "es" : ""}`, async () => {
    const { code, printed, errors } = await runRanks(size, program);
    assertEquals([code, errors], [0, ""]);
    const all = Array.from({ length: size }, (_, rank) => rank);
    for (const rank of all) {
      assertEquals(JSON.parse(printed[rank]), {
        rank,
        size,
        received: all.flatMap((other) => Array(rank + other + 1).fill(100 * other + rank)),
        others: all.filter((other) => other !== rank).flatMap((other) => [other, other]),
        total: [size * (size - 1) / 2, size, 2 ** size - 1],
        bytes: all.map((other) => Array(other).fill(255 - other)),
        told: all.map((other) => `rank ${other}`),
        any: [true, false],
      });
    }
  });
}

ranksTest("Ranks.abort() ends those who wait, with exit code 1", async () => {
  const { code } = await runRanks(2, program, ["abort"]);
  assertEquals(code, 1);
});

Deno.test("openMpi() and requireMpi() name the package where the library or the launcher is missing", async () => {
  const sentence = "Ranks need MPICH, which is not installed; on Debian: apt install mpich";
  assertThrows(() => openMpi([]), UserError, sentence);
  await assertRejects(() => requireMpi(Deno.execPath(), ["/none.so"]), UserError, sentence);
  await assertRejects(() => requireMpi("no-such-launcher", [Deno.execPath()]), UserError, sentence);
  await requireMpi(Deno.execPath(), ["/none.so", Deno.execPath()]);
});

Deno.test("One process alone is its own neighbour", () => {
  const received = new Float32Array(2);
  alone.allToAll(Float32Array.of(1, 2), [2], received, [2]);
  assertEquals([...received], [1, 2]);
  alone.gather(Float32Array.of(3, 4), new Float32Array());
  alone.sum(Float32Array.of(3, 4), received);
  assertEquals([...received], [3, 4]);
  assertEquals(gathered(alone, Uint8Array.of(3, 255)), [Uint8Array.of(3, 255)]);
  assertEquals(toldBy(alone, { all: "ü" }), [{ all: "ü" }]);
});
