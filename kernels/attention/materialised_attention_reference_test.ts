import { assert } from "@std/assert";
import { attentionBackward, attentionForward } from "./attention_reference.ts";
import { attentionProbabilities, materialisedBackward } from "./materialised_attention_reference.ts";
import { relativeError, seededValues } from "../testing/reference_testing.ts";

for (const causal of [true, false]) {
  Deno.test(`materialisedBackward() of exact probabilities is attentionBackward(): ${causal ? "" : "not "}causal`, () => {
    const shape = { batch: 2, sequence: 5, heads: 3, headSize: 4, causal };
    const qkv = seededValues(10 * 36, 1);
    const dOutput = seededValues(10 * 12, 2);
    const { output, logSumExp } = attentionForward(qkv, shape);
    const p = attentionProbabilities(qkv, shape);
    const error = relativeError(
      materialisedBackward(dOutput, qkv, { forV: p, forS: p }, shape),
      attentionBackward(dOutput, qkv, output, logSumExp, shape),
    );
    assert(error < 1e-14, `relative error ${error}`);
  });
}
