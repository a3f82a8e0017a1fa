import { assertEquals } from "@std/assert";
import type { CellMeasurement } from "../results/results.ts";
import { fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { compare } from "./cell_rounds.ts";
import { savings } from "./savings.ts";

/** Rounds of a policy, of which each step takes so many milliseconds. */
const rounds = (policy: string, milliseconds: readonly number[], changes: Partial<CellMeasurement> = {}) =>
  milliseconds.map((ms, round) =>
    fakeRecord({ policy, round }, {
      timing: { ...fakeMeasurement().timing!, stepMilliseconds: [ms] },
      ...changes,
    })
  );
const exact = rounds("exact", [10, 10, 10]);
const told = (records: typeof exact) => savings(compare([...exact, ...records]));
const failing = (status: CellMeasurement["status"]) => ({ status, timing: null, quality: null });

Deno.test("savings() say of a policy that never ran to its end that it did not", () => {
  const bytes = "`mesa8` takes **1.00×** of `exact`'s buffers";
  const never = `${bytes}; it did not run to its end at nano, 4 × 128.`;
  assertEquals(told(rounds("mesa8", [1, 1], failing("error"))), [never]);
  assertEquals(told(rounds("mesa8", [1], failing("timeout"))), [never]);
  const unfit = rounds("mesa8", [1], failing("oom"));
  assertEquals(told(unfit), [`${bytes}; it does not fit nano, 4 × 128.`]);
  const once = [...rounds("mesa8", [10]), ...rounds("mesa8", [1, 1], failing("error")).slice(1)];
  assertEquals(told(once), [`${bytes} at **1.00×** (no interval) of its speed.`]);
  const diverged = rounds("mesa8", [20, 20, 20], { status: "diverged" });
  assertEquals(told(diverged), [`${bytes} at **0.500×** (0.500–0.500) of its speed.`]);
});

Deno.test("savings() tell no speed on which the rounds disagree", () => {
  assertEquals(told(rounds("mesa8", [10, 13, 10])), ["`mesa8` takes **1.00×** of `exact`'s buffers."]);
});
