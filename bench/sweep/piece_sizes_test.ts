import { assertEquals } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { type ModelConfig, modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { parsePolicy, type PolicyDocument } from "../../src/storage/policy_document.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { pieceSizes } from "./piece_sizes.ts";

const limits = { ...typicalGpuLimits, maxStorageBufferBindingSize: 2 ** 24 };
const policy = (name: string, mini_sequences: object) =>
  parsePolicy({ name, bits: 32, mini_sequences }, "test");

/** Most rows that a program has of tensors with so many columns: those that only an MLP, or only a head, has. */
function mostRows(model: ModelConfig, sequence: number, batch: number, policy: PolicyDocument, cols: number) {
  const { dispatches } = describeStep({ model, sequence, batch, policy, seed: 0 }, gpuWith(limits));
  const found = dispatches.flatMap(({ bindings }) => bindings.map(({ tensor }) => tensor))
    .filter((tensor) => tensor.category !== "parameters" && tensor.cols === cols && tensor.rows % 64 === 0);
  return Math.max(...found.map(({ rows }) => rows));
}

Deno.test("pieceSizes() tells the tokens that a program of that policy takes through MLP and head at once", () => {
  const model = { ...modelConfig("nano"), layers: 1, width: 60, heads: 2, vocab: 1000, positions: 2048 };
  const cases: [policy: PolicyDocument, expected: [mlp: number, head: number]][] = [
    [policyDocument("mst"), [4096, 640]],
    [policy("paper", { mlp: "paper", head: "paper" }), [64, 256]],
    [policy("code", { mlp: "code", head: "code" }), [2048, 64]],
    [policy("tokens", { mlp: 100 }), [128, 640]],
    [policy("head", { head: "code" }), [4096, 64]],
  ];
  for (const [policy, expected] of cases) {
    const { mlp, head } = pieceSizes({ model, sequence: 2048, batch: 2 }, policy, limits)!;
    assertEquals([mlp, head], expected, policy.name);
    const rows = [4 * model.width, model.vocab].map((cols) => mostRows(model, 2048, 2, policy, cols));
    assertEquals([mlp, head], rows, policy.name);
  }
  assertEquals(
    pieceSizes({ model, sequence: 2048, batch: 2 }, policyDocument("recompute"), limits),
    undefined,
  );
});

Deno.test("pieceSizes() tells no more tokens than there are, and no pieces of a Vision Transformer's head", () => {
  const mst = policyDocument("mst8");
  const [nano, vit] = ["nano", "vit-nano"].map(modelConfig);
  assertEquals(pieceSizes({ model: nano, sequence: 100, batch: 1 }, mst, limits), { mlp: 100, head: 100 });
  assertEquals(pieceSizes({ model: vit, sequence: 65, batch: 2 }, mst, limits), { mlp: 130, head: null });
});
