import { assert, assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import { UserError } from "../errors.ts";
import { policyNames, policyPresets } from "./policies.ts";
import { parsePolicy, policyJsonSchema, recomputes, savedKinds, storageOf } from "./policy_document.ts";

const defaults = {
  bits: 8,
  grouping: "head",
  rounding: "stochastic",
  ranges: "running",
  lambda: 0.9,
  recompute: false,
  attention: "fused",
  reuse: true,
  mini_sequences: { mlp: "whole", head: "auto", head_gradients: "forward" },
  rules: [],
} as const;

Deno.test("parsePolicy() fills in Mesa's choices for all that a file leaves out", () => {
  assertEquals(parsePolicy({ name: "mine" }, "mine.json"), { name: "mine", ...defaults });
  const full = {
    name: "mine",
    bits: 4 as const,
    grouping: { channels: 16 },
    rounding: "nearest" as const,
    ranges: "delayed" as const,
    lambda: 0,
    recompute: true,
    attention: "materialised" as const,
    reuse: false,
    mini_sequences: { mlp: "whole" as const, head: 128, head_gradients: "backward" as const },
    rules: [{ tensors: ["qkv" as const], layers: [0, 3] as [number, number], bits: 8 as const }],
  };
  assertEquals(parsePolicy(JSON.parse(JSON.stringify(full)), "mine.json"), full);
});

Deno.test("parsePolicy() passes over $schema at the top, and nowhere else", () => {
  const $schema = "policy.json";
  assertEquals(parsePolicy({ $schema, name: "mine" }, "mine.json"), { name: "mine", ...defaults });
  assertThrows(
    () => parsePolicy({ name: "mine", rules: [{ $schema }] }, "mine.json"),
    UserError,
    'mine.json: rules[0] has the unknown field "$schema"',
  );
});

for (
  const [json, message] of [
    [[], "f.json must be a JSON object"],
    [null, "f.json must be a JSON object"],
    [{ bits: 8 }, "f.json: name must be given: the policy's name in tables and results"],
    [{ name: "" }, "f.json: name must be given: the policy's name in tables and results"],
    [{ name: "a", bit: 8 }, 'f.json has the unknown field "bit"; did you mean "bits"?'],
    [
      { name: "a", size: 8 },
      'f.json has the unknown field "size"; known fields are name, bits, grouping, rounding, ranges, lambda, recompute, attention, reuse, mini_sequences, rules',
    ],
    [{ name: "a", bits: 3 }, "f.json: bits must be 32, 16, 8, 4 or 2"],
    [{ name: "a", bits: "8" }, "f.json: bits must be 32, 16, 8, 4 or 2"],
    [
      { name: "a", grouping: "heads" },
      'f.json: grouping must be "tensor", "head", "token", {"channels": N} or {"token_channels": N}, N a positive whole number',
    ],
    [{ name: "a", grouping: { channels: 0 } }, "f.json: grouping.channels must be a positive whole number"],
    [
      { name: "a", grouping: { channels: 1.5 } },
      'f.json: grouping must be "tensor", "head", "token", {"channels": N} or {"token_channels": N}, N a positive whole number',
    ],
    [
      { name: "a", grouping: {} },
      'f.json: grouping must be "tensor", "head", "token", {"channels": N} or {"token_channels": N}, N a positive whole number',
    ],
    [{ name: "a", rounding: "up" }, 'f.json: rounding must be "stochastic" or "nearest"'],
    [{ name: "a", ranges: "past" }, 'f.json: ranges must be "current", "running" or "delayed"'],
    [{ name: "a", lambda: 1 }, "f.json: lambda must be a number from 0 to below 1"],
    [{ name: "a", lambda: -0.1 }, "f.json: lambda must be a number from 0 to below 1"],
    [{ name: "a", attention: "flash" }, 'f.json: attention must be "fused" or "materialised"'],
    [{ name: "a", reuse: 1 }, "f.json: reuse must be true or false"],
    [{ name: "a", rules: {} }, "f.json: rules must be a list of rules"],
    [{ name: "a", rules: [{}, 3] }, "f.json: rules[1] must be a JSON object"],
    [
      { name: "a", rules: [{ layer: [0, 1] }] },
      'f.json: rules[0] has the unknown field "layer"; did you mean "layers"?',
    ],
    [
      { name: "a", rules: [{ layers: 1 }] },
      "f.json: rules[0].layers must be [first, last], two blocks' numbers",
    ],
    [
      { name: "a", rules: [{ layers: [2, 1] }] },
      "f.json: rules[0].layers must be [first, last] with first ≤ last",
    ],
    [
      { name: "a", rules: [{ layers: [-1, 1] }] },
      "f.json: rules[0].layers[0] must be a block's number, from 0",
    ],
    [
      { name: "a", rules: [{ tensors: [] }] },
      "f.json: rules[0].tensors must be a list of at least one kind of tensors",
    ],
    [
      { name: "a", rules: [{ tensors: ["gelu", "qvk"] }] },
      'f.json: rules[0].tensors[1] must be "linear", "layer_norm", "gelu", "qkv", "probabilities", "logits", "output" or "block_input"',
    ],
    [
      { name: "a", grouping: "token" },
      'f.json: ranges of linear tensors in block 0 are "running" where grouping is by token; ' +
      'set "ranges" to "current", the only ones that tokens have',
    ],
    [
      {
        name: "a",
        ranges: "current",
        grouping: "token",
        rules: [{ layers: [2, 5], tensors: ["gelu"], ranges: "delayed" }],
      },
      'f.json: ranges of gelu tensors in block 2 are "delayed" where grouping is by token; ' +
      'set "ranges" to "current", the only ones that tokens have',
    ],
    [{ name: "a", recompute: "gelu" }, "f.json: recompute must be true or false"],
    [
      { name: "a", rules: [{ tensors: ["gelu", "layer_norm"], recompute: true }] },
      "f.json: rules[0] recomputes layer_norm tensors, to which there is no way back but the whole block: " +
      "recompute gelu, qkv, output or block_input, or name no tensors for whole blocks",
    ],
    [
      { name: "a", reuse: false, rules: [{ layers: [3, 4], tensors: ["gelu"], recompute: true }] },
      "f.json: gelu tensors in block 3 are made again from what is saved already; " +
      'set "reuse" to true, or recompute whole blocks',
    ],
    [
      { name: "a", attention: "materialised", rules: [{ tensors: ["output"], recompute: true }] },
      "f.json: output tensors in block 0 are made again by fused attention; " +
      'set "attention" to "fused", or recompute whole blocks',
    ],
    [
      { name: "a", mini_sequences: { mlp: "half" } },
      'f.json: mini_sequences.mlp must be "whole", "auto", "paper", "code" or a positive whole number of tokens',
    ],
    [
      { name: "a", mini_sequences: { heads: 64 } },
      'f.json: mini_sequences has the unknown field "heads"; did you mean "head"?',
    ],
    [
      { name: "a", reuse: false, mini_sequences: { mlp: 64 } },
      "f.json: an MLP in pieces makes its inside again from what is saved already; " +
      'set "reuse" to true, or mini_sequences.mlp to "whole"',
    ],
  ] as const
) {
  Deno.test(`parsePolicy() refuses ${JSON.stringify(json)}`, () => {
    assertEquals(assertThrows(() => parsePolicy(json, "f.json"), UserError).message, message);
  });
}

Deno.test("parsePolicy() takes the token's ranges as the rules leave them, and lets 16 bits be", () => {
  const rules = [{ grouping: "token" }, { tensors: ["gelu"], ranges: "current" }, { bits: 16 }, {
    tensors: ["gelu"],
    bits: 4,
  }];
  parsePolicy({ name: "a", rules }, "f.json");
});

Deno.test("recomputes() follows whole blocks, single tensors elsewhere, and MLPs in pieces everywhere", () => {
  const rules = [{ layers: [1, 1], recompute: true }, { tensors: ["qkv"], recompute: true }];
  const kinds = ["block_input", "gelu", "qkv", "output", "linear"] as const;
  const found = (fields: object) => {
    const document = parsePolicy({ name: "a", ...fields }, "f.json");
    return [0, 1].map((layer) => kinds.filter((kind) => recomputes(document, { kind, layer })));
  };
  assertEquals(found({ rules }), [["qkv"], ["block_input"]]);
  assertEquals(found({ rules, mini_sequences: { mlp: 64 } }), [["gelu", "qkv"], ["block_input", "gelu"]]);
  assertEquals(found({}), [[], []]);
});

Deno.test("storageOf() lays the rules that hold over the top level, later ones last", () => {
  const document = parsePolicy({
    name: "mine",
    bits: 4,
    rules: [
      { tensors: ["layer_norm", "gelu"], bits: 8, rounding: "nearest" },
      { layers: [1, 2], bits: 16 },
      { tensors: ["gelu"], layers: [2, 9], bits: 2, grouping: "tensor" },
    ],
  }, "mine.json");
  const { grouping, rounding, ranges, lambda, recompute } = defaults;
  const rest = { grouping, rounding, ranges, lambda, recompute };
  const bits = savedKinds.map((kind) =>
    [0, 1, 2, 3].map((layer) => storageOf(document, { kind, layer }).bits)
  );
  const others = [4, 16, 16, 4];
  assertEquals(bits, [others, [8, 16, 16, 8], [8, 16, 2, 2], others, others, others, others, others]);
  assertEquals(storageOf(document, { kind: "qkv", layer: 0 }), { ...rest, bits: 4 });
  assertEquals(storageOf(document, { kind: "gelu", layer: 2 }), {
    ...rest,
    bits: 2,
    rounding: "nearest",
    grouping: "tensor",
  });
});

Deno.test("the JSON Schema accepts its own examples and the presets, and refuses what parsePolicy() refuses", () => {
  const schema = policyJsonSchema();
  const published = z.fromJSONSchema(JSON.parse(JSON.stringify(schema)));
  const examples = schema.examples as { name: string }[];
  assert(examples.length > 0);
  for (const json of [...examples, ...Object.values(policyPresets), { $schema: "s.json", name: "a" }]) {
    parsePolicy(json, json.name);
    assert(published.safeParse(json).success, json.name);
  }
  for (
    const json of [{}, { name: "a", bits: 3 }, { name: "a", bit: 8 }, { name: "a", rules: [{ layers: [1] }] }]
  ) {
    assert(!published.safeParse(json).success, JSON.stringify(json));
  }
});

Deno.test("presets are complete documents under their own names, and parse to themselves", () => {
  const differences = Object.fromEntries(policyNames.map((name) => {
    const document = policyPresets[name];
    assertEquals(document.name, name);
    assertEquals(parsePolicy(JSON.parse(JSON.stringify(document)), name), document);
    const entries = Object.entries(document);
    assertEquals(entries.map(([key]) => key).sort(), ["name", ...Object.keys(defaults)].sort());
    const known: Record<string, unknown> = defaults;
    const differs = ([key, value]: [string, unknown]) => JSON.stringify(value) !== JSON.stringify(known[key]);
    return [name, entries.filter(differs).slice(1)];
  }));
  const byToken = [["grouping", "token"], ["rounding", "nearest"], ["ranges", "current"]];
  const miniSequences = ["mini_sequences", { mlp: "auto", head: "auto", head_gradients: "forward" }];
  assertEquals(differences, {
    exact: [["bits", 32]],
    half: [["bits", 16]],
    mesa8: [],
    "mesa8-paper": [["attention", "materialised"], ["reuse", false]],
    mesa4: [["bits", 4]],
    mesa2: [["bits", 2]],
    tensor8: [["grouping", "tensor"]],
    token8: byToken,
    "mesa8-selective": [["rules", [{ tensors: ["gelu"], recompute: true }]]],
    recompute: [["bits", 32], ["recompute", true]],
    recompute8: [...byToken, ["recompute", true]],
    mst: [["bits", 32], ["recompute", true], miniSequences],
    mst8: [...byToken, ["recompute", true], miniSequences],
  });
});
