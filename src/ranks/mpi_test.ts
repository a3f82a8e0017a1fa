import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { openMpi } from "./mpi.ts";
import { alone, gathered } from "./ranks.ts";
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
        total: [size * (size - 1) / 2, size, 2 ** size - 1],
        large: all.map((other) => [other + 0.5, 2 ** 40 + other]),
      });
    }
  });
}

ranksTest("Ranks.abort() ends those who wait, with exit code 1", async () => {
  const { code } = await runRanks(2, program, ["abort"]);
  assertEquals(code, 1);
});

Deno.test("openMpi() names the package where its library is missing", () => {
  assertThrows(
    () => openMpi([]),
    UserError,
    "Ranks need MPICH, which is not installed; on Debian: apt install mpich",
  );
});

Deno.test("One process alone is its own neighbour", () => {
  const received = new Float32Array(2);
  alone.allToAll(Float32Array.of(1, 2), [2], received, [2]);
  assertEquals([...received], [1, 2]);
  alone.sum(Float32Array.of(3, 4), received);
  assertEquals([...received], [3, 4]);
  assertEquals(gathered(alone, [5, 2 ** 40 + 1]), [[5, 2 ** 40 + 1]]);
});
