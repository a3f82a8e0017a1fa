import { assert, assertEquals } from "@std/assert";
import { gpt2Presets } from "../models/gpt2/config.ts";
import { llamaPresets } from "../models/llama/config.ts";
import { parsePolicy } from "../storage/policy_document.ts";
import { planTraining } from "./plan_testing.ts";

const { nano, mini, small } = gpt2Presets;

/** Bytes a token and block of policies that make something again, C channels and H heads; and of each block but the first. */
const remaking: Record<string, (C: number, H: number) => { everywhere: number; butFirst: number }> = {
  "mesa8-selective": (C, H) => ({ everywhere: 6 * C + 8 + 4 * H, butFirst: 0 }),
  recompute: (C) => ({ everywhere: 0, butFirst: 4 * C }),
  recompute8: (C) => ({ everywhere: 0, butFirst: C + 8 }),
  mst: (C) => ({ everywhere: 0, butFirst: 4 * C }),
  mst8: (C) => ({ everywhere: 0, butFirst: C + 8 }),
};

Deno.test("Policies that make blocks again keep each block's input but the first's, and nothing else of blocks", () => {
  for (const [policy, bytesOf] of Object.entries(remaking)) {
    for (const model of [nano, mini, small]) {
      const { layers: L, width: C, heads: H } = model;
      for (const [sequence, batch] of [[64, 1], [128, 4], [1000, 8]]) {
        const plan = planTraining({ model, sequence, batch, policy, seed: 0 });
        const { everywhere, butFirst } = bytesOf(C, H);
        const perToken = L * everywhere + (L - 1) * butFirst + 4 * C + 4;
        assertEquals(plan.savedBytes, sequence * batch * perToken, `${policy} ${model.name}`);
        assert(plan.liveAtPeak.inputs <= sequence * batch * (L - 1) * butFirst, policy);
      }
    }
  }
});

Deno.test("Four bits in groups of 32 channels of a token keep six bits an element", () => {
  const policy = parsePolicy({
    ...{ name: "four", bits: 4, grouping: { token_channels: 32 } },
    ...{ ranges: "current", rounding: "nearest", recompute: true },
  }, "four.json");
  const { savedBytes } = planTraining({ model: mini, sequence: 64, batch: 1, policy, seed: 0 });
  const { layers: L, width: C } = mini;
  assertEquals(savedBytes, 64 * ((L - 1) * 6 * C / 8 + 4 * C + 4));
});

Deno.test("A block made again holds what attention's backward needs: no rows of a norm, nor their gradient, stand whole", () => {
  const llama = { ...llamaPresets["llama-micro"], layers: 8 }; // so many that the first block's peak is not the step's
  const tokens = 65536; // many pieces of the MLP
  for (const [model, keys] of [[{ ...gpt2Presets.micro, layers: 8 }, 256], [llama, 64]] as const) {
    const { width } = model;
    const needed = 2 * (width + 2 * keys) + 2 * width; // q, k, v, the output's gradient, theirs, and the stream's
    for (const policy of ["mst", "mst8"]) {
      const options = { model: { ...model, positions: tokens }, sequence: tokens, batch: 1, policy, seed: 0 };
      const { liveAtPeak } = planTraining(options);
      const share = liveAtPeak.transient / (4 * tokens * needed);
      assert(share >= 1 && share < 1.1, `${model.name} ${policy}: ${share}`);
    }
  }
});

Deno.test("GPT-2 small with 8 GiB takes the tokens that the documentation tells, 8-bit block inputs in pieces eight times exact's", async () => {
  const bytes = (policy: string, tokens: number) => {
    const model = { ...small, name: "small-long", positions: tokens };
    return planTraining({ model, sequence: tokens, batch: 1, policy, seed: 0 }).bufferBytes;
  };
  const page = await Deno.readTextFile(`${import.meta.dirname}/../../docs/policies.md`);
  const table = page.split("## How long a sequence 8 GiB hold")[1].split("\n## ")[0];
  const told = new Map(
    [...table.matchAll(/^\| `(\S+)` +\| +(\d+) × 1024/gm)].map(([, policy, n]) => [policy, +n]),
  );
  assertEquals(told.size, 6);
  for (const [policy, thousands] of told) {
    const fits = (n: number) => bytes(policy, n * 1024) <= 8 * 2 ** 30;
    const beyond = Array.from({ length: 8 }, (_, i) => thousands + 1 + i).filter(fits); // a size may be packed worse than larger ones
    assertEquals([fits(thousands), beyond], [true, []], policy);
  }
  assert(told.get("mst8")! >= 8 * told.get("exact")!);
});

Deno.test("small at 16 × 1024 takes at most 2850 MiB of buffers under recompute8, mesa8-selective lies between", () => {
  const mebibytes = (policy: string) =>
    planTraining({ model: small, sequence: 1024, batch: 16, policy, seed: 0 }).bufferBytes / 2 ** 20;
  const [again, selective, mesa8] = ["recompute8", "mesa8-selective", "mesa8"].map(mebibytes);
  assert(again <= 2850 && again < selective && selective < mesa8, `${again} ${selective} ${mesa8}`);
});
