/**
 * Breaks a sweep of 60 processes at twenty random moments, goes on with it each time, and compares its records with those of one that was
 * not broken:
 *
 *     deno run -A bench/testing/break_sweep.ts [SEED]
 */

import { assertEquals } from "@std/assert";
import { checkFolder } from "../commands/check.ts";
import { broken, faults, randomNumbers, Sweeps, whatCounts, whole } from "./breaking.ts";

const policies =
  "exact,half,mesa8,tensor8,token8,mesa4,mesa2,mesa8-paper,mesa8-selective,recompute,recompute8,mst,mst8";
const options = [
  ...["--model", "nano", "--sequence", "16", "--batch", "1", "--policy", policies, "--no-tune"],
  ...["--rounds", "5", "--seeds", "5", "--steps", "1", "--warmup", "0", "--quality-steps", "2"],
];

const sweeps = await Sweeps.create(options);
try {
  const expected = whatCounts(await whole(sweeps));
  console.log(`Not broken: ${expected.length} processes`);
  const names = Object.keys(faults).filter((name) => name !== "a full disk" || sweeps.disk !== null);
  if (sweeps.disk === null) console.log("No file system can be mounted here, so that no disk gets full");
  const twenty = Array.from({ length: 20 }, (_, i) => names[i % names.length]);
  const random = randomNumbers(Number(Deno.args[0] ?? 1));
  const records = await broken(sweeps, "broken", twenty, { random, most: 4, tell: console.log });
  assertEquals(whatCounts(records), expected);
  const [found, wanted] = await Promise.all(
    ["broken", "whole"].map((name) => checkFolder(sweeps.folder(name))),
  );
  assertEquals(found, wanted);
  console.log(
    `Broken ${twenty.length} times: the same ${expected.length} processes once each, memory and losses equal bit for bit`,
  );
} finally {
  await sweeps.remove();
}
