import { comparisonTest } from "./ranks_comparison_testing.ts";
import type { Job } from "./ranks_testing.ts";

/** 37 tokens, which no number of ranks here divides; GPT-2 of three heads, Llama of six that share three heads of keys. */
const jobs = ["gpt2-ragged", "llama-ragged"].flatMap((folder) =>
  [{ policy: "exact" }, { policy: "mst", accumulate: 2 }].map((changes): Job => ({
    folder,
    over: "sequence",
    changes,
  }))
);

for (const size of [2, 3, 4]) {
  comparisonTest(
    `${size} ranks that share every sequence train as one process, each time the same bits`,
    size,
    jobs,
    true,
  );
}
