import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { fakeHeader, fakeRecord } from "../results/testing.ts";
import { peerMarks } from "./peer_marks.ts";
import { outOfMemory, peersHeader, peersText, peerTurn } from "./peers_testing.ts";

const small = { model: "small", sequence: 25, batch: 4 };
const text = peersText([
  peerTurn(),
  peerTurn({ arithmetic: "bf16 autocast", compiled: true, gpuMilliseconds: [5, 5], peakBytes: 7 }),
  peerTurn({ form: "half", ...outOfMemory }),
  peerTurn({ form: "int8", peakBytes: null }),
  peerTurn({ batch: 8 }),
  peerTurn({ model: "deit-base", sequence: 197, batch: 8, unit: "images" }),
]);
const of = (cells: Parameters<typeof peerMarks>[1], adapter = "NVIDIA H100") =>
  peerMarks(text, cells, adapter);

Deno.test("peerMarks() takes the rows of a sweep's models and sizes whose speed and memory are known", () => {
  assertEquals(of([small]), {
    command: peersHeader.command,
    rows: [
      { ...small, name: "f32, plain", tokensPerSecond: 10_000, fastest: 10_000, bytes: 2 ** 30 },
      {
        ...small,
        name: "bf16 autocast, plain, compiled",
        tokensPerSecond: 20_000,
        fastest: 20_000,
        bytes: 7,
      },
    ],
  });
  const [image] = of([{ model: "deit-base", sequence: 197, batch: 8 }]).rows;
  assertEquals(image.tokensPerSecond, 8 * 197 / 0.01, "an image is so many tokens");
});

Deno.test("peerMarks() refuses rows of another card, those of no size of the sweep, and results of another kind", () => {
  const refused = (message: string, ...given: Parameters<typeof of>) =>
    assertThrows(() => of(...given), UserError, message);
  refused("--peers names rows of NVIDIA H100, and this is NVIDIA H200", [small], "NVIDIA H200");
  refused("--peers names no row of these models and sizes", [{ ...small, batch: 5 }]);
  for (const other of [JSON.stringify(fakeHeader([])), JSON.stringify(fakeRecord()), "", '{"kind":"pe']) {
    assertThrows(
      () => peerMarks(other, [small], "NVIDIA H100"),
      UserError,
      "none of PyTorch's; give a folder",
    );
  }
});
