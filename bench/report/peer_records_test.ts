import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { bySubject, fastest, readPeers, smallest } from "./peer_records.ts";
import { outOfMemory, peersText, peerTurn } from "./peers_testing.ts";

/** What torch_gpt2.py wrote on a processor. */
const written = `\
{"schema": 3, "kind": "peers", "command": "python3 bench/peers/torch_gpt2.py --model micro --batch 1 --device cpu --rounds 2 --steps 4 --rows AdamW", "started": "2026-11-25T01:03:35Z", "environment": {"adapter": "the processor, AMD EPYC", "adapterClass": "software", "driver": null, "torch": "2.6.0+debian", "cuda": null, "python": "3.13.5", "os": "linux 6.18.44 x86_64", "cpu": "AMD EPYC", "commit": null, "dirty": null}}
{"model": "micro", "batch": 1, "sequence": 256, "unit": "tokens", "arithmetic": "f32", "form": "plain", "compiled": true, "optimizer": "fused AdamW", "round": 0, "steps": 3, "wallMilliseconds": 5755.570355999225, "gpuMilliseconds": null, "peakBytes": null, "compileSeconds": 9.306333229000302, "firstLoss": 5.618322849273682, "loss": 4.232656955718994, "status": "ok", "message": null}
{"model": "micro", "batch": 1, "sequence": 256, "unit": "tokens", "arithmetic": "f32", "form": "checkpointed", "compiled": false, "optimizer": "fused AdamW", "round": 0, "steps": 0, "wallMilliseconds": null, "gpuMilliseconds": null, "peakBytes": null, "compileSeconds": null, "firstLoss": null, "loss": null, "status": "error", "message": "ZeroDivisionError: division by zero"}
`;

const only = (text: string) => readPeers(text).rows[0];
const refusal = (text: string) => assertThrows(() => readPeers(text), UserError).message;

Deno.test("readPeers() takes what the scripts write", () => {
  const { header, rows } = readPeers(written);
  assertEquals(header.environment.torch, "2.6.0+debian");
  assertEquals(rows.map(({ compileSeconds }) => compileSeconds), [9.306333229000302, null]);
  assertEquals(rows.map(({ failure }) => failure?.message), [
    undefined,
    "ZeroDivisionError: division by zero",
  ]);
  assertEquals(rows[0].speed?.median, 256 * 3 / 5.755570355999225);
});

Deno.test("A row's speed is that of each round's median step, and over the rounds their median and ends", () => {
  const row = only(peersText([
    peerTurn({ steps: 3, gpuMilliseconds: [10, 10, 70], wallMilliseconds: 90 }), // 10,000 tokens/s
    peerTurn({ round: 1, gpuMilliseconds: [20, 20], wallMilliseconds: 50, peakBytes: 2 ** 31 }), // 5,000
    peerTurn({ round: 2, gpuMilliseconds: [25, 25], wallMilliseconds: 60 }), // 4,000
  ]));
  assertEquals(row.rounds, 3);
  assertEquals(row.speed, { median: 5000, smallest: 4000, largest: 10_000 });
  assertEquals(row.wallSpeed?.median, 100 / 0.03);
  assertEquals(row.peakBytes, 2 ** 31);
});

Deno.test("Images are counted by the batch, tokens by batch × sequence", () => {
  assertEquals(only(peersText([peerTurn()])).speed?.median, 10_000);
  assertEquals(only(peersText([peerTurn({ unit: "images" })])).speed?.median, 400);
});

Deno.test("Rows differ by arithmetic, form, compiler and optimizer, subjects by model and shape", () => {
  const turns = [
    peerTurn(),
    peerTurn({ arithmetic: "TF32" }),
    peerTurn({ form: "checkpointed" }),
    peerTurn({ compiled: true }),
    peerTurn({ optimizer: "AdamW" }),
    peerTurn({ batch: 16 }),
    peerTurn({ round: 1 }),
  ];
  const { rows } = readPeers(peersText(turns));
  assertEquals(rows.map(({ rounds }) => rounds), [2, 1, 1, 1, 1, 1]);
  assertEquals(bySubject(rows).map(({ length }) => length), [5, 1]);
});

Deno.test("A row that failed in a later round keeps what was measured, and why it failed", () => {
  const row = only(peersText([peerTurn(), peerTurn({ round: 1, ...outOfMemory })]));
  assertEquals(row.rounds, 1);
  assertEquals(row.speed?.median, 10_000);
  assertEquals(row.failure, { status: "oom", message: outOfMemory.message });
});

Deno.test("fastest() and smallest() pass over what failed; of equal peaks the faster row is told", () => {
  const { rows } = readPeers(peersText([
    peerTurn({ form: "full", ...outOfMemory }),
    peerTurn({ form: "quick", gpuMilliseconds: [5, 5], peakBytes: 4 * 2 ** 30 }),
    peerTurn({ form: "small but slow", gpuMilliseconds: [30, 30] }),
    peerTurn({ form: "small" }),
  ]));
  assertEquals(fastest(rows)?.form, "quick");
  assertEquals(smallest(rows)?.form, "small");
  assertEquals([fastest(rows.slice(0, 1)), smallest(rows.slice(0, 1))], [undefined, undefined]);
});

Deno.test("A line that is no record is refused by its number and field", () => {
  const good = peersText([peerTurn(), peerTurn({ round: 1 })]);
  const [header, first] = good.split("\n");
  assertStringIncludes(refusal(good.slice(0, -30)), "Line 3 of the peers' records is none (not a whole line");
  assertStringIncludes(
    refusal(`${header}\n${first.replace('"tokens"', '"apples"')}`),
    "Line 2 of the peers' records is none (unit: ",
  );
  assertStringIncludes(refusal(`${first}\n${first}`), "Line 1 of the peers' records is none (schema: ");
  assertStringIncludes(refusal(`${header}\n\n${first}`), "Line 2 ");
  assertStringIncludes(refusal(`${header}\n`), "a header and no row");
  assertStringIncludes(refusal(""), "Line 1 ");
});

Deno.test("A row that says it is ok must have been timed", () => {
  for (const fields of [{ steps: 0 }, { wallMilliseconds: null }, { gpuMilliseconds: [10] }]) {
    assertStringIncludes(
      refusal(peersText([peerTurn(fields)])),
      "Line 2 of the peers' records is none (a row that is ok needs",
    );
  }
});
