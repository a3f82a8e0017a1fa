import { comparisonTest, storageTest } from "./ranks_comparison_testing.ts";
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
  const name = `${size} ranks that share every sequence train as one process`;
  if (size === 3) comparisonTest(`${name}, each time the same bits`, size, jobs, true);
  else comparisonTest(name, size, jobs);
}

const mesa8 = ["gpt2-ragged", "llama-ragged"].map((folder): Job => ({
  folder,
  over: "sequence",
  changes: { policy: "mesa8" },
}));
storageTest(
  "2 ranks that share every sequence store as accurately under mesa8 as one process",
  2,
  mesa8,
);
