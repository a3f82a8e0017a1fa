import { assertEquals } from "@std/assert";
import { gpuWith, ProgramBuilder } from "../gpu/builder.ts";
import type { Exchange } from "../gpu/exchange.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { sums } from "./sums_over_ranks.ts";

Deno.test("sums() send each rank its part of what they sum together, add what comes, and send that part to all", () => {
  const told = (pieces: Exchange["leaves"]) =>
    pieces.map(({ tensor, offset, bytes }) => `${tensor.name} ${offset} ${bytes}`).join(", ");
  const described = (rank: number, vectors: number[], most: number) => {
    const builder = new ProgramBuilder("sums", gpuWith(typicalGpuLimits));
    const all = sums(builder, { rank, size: 2 }, most);
    for (const [i, rows] of vectors.entries()) {
      all.add(builder.tensor(`${i}`, rows, 4, { category: "gradients" }));
    }
    all.end();
    all.end();
    const { exchanges, dispatches } = builder.build();
    return {
      exchanges: exchanges.map(({ name, before, leaves, arrives }) => [
        ...[name, before, told(leaves), told(arrives)],
      ]),
      added: dispatches.map(({ parameters: { vectors, parts, accumulate } }) => [vectors, parts, accumulate]),
    };
  };
  assertEquals(described(0, [16, 40], 4096), {
    exchanges: [
      ["shares of 0 to 1", 0, "1 512 128", "others' 0 to 1 0 256, others' 0 to 1 256 512"],
      ["sums of 0 to 1", 2, "0 0 256, 1 0 512", "1 512 128"],
    ],
    added: [[16, 1, 1], [32, 1, 1]],
  });
  assertEquals(described(1, [16, 40], 4096), {
    exchanges: [
      ["shares of 0 to 1", 0, "0 0 256, 1 0 512", "others' 0 to 1 256 128"],
      ["sums of 0 to 1", 1, "1 512 128", "0 0 256, 1 0 512"],
    ],
    added: [[8, 1, 1]],
  });
  // What is too much together goes apart, and a larger tensor in several pieces.
  const { exchanges, added } = described(0, [32, 32, 150], 1024);
  assertEquals(exchanges.map(([name]) => name), [
    ...["shares of 0 to 1", "sums of 0 to 1"],
    ...Array(3).fill(["shares of 2", "sums of 2"]).flat(),
  ]);
  assertEquals(added, [[16, 1, 1], [16, 1, 1], [32, 1, 1], [32, 1, 1], [16, 1, 1]]);
});
