import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { profiles } from "../sweep/profiles.ts";
import { planSweep } from "../sweep/sweep.ts";
import type { SweepOptions } from "../sweep/sweep_options.ts";
import { refuseUndividable } from "./refuse_sweep.ts";

const shard = { index: 2, of: 2 };
const several = {
  ...profiles.smoke("software"),
  sequences: [16, 32],
  rounds: 8,
  seeds: 2,
  qualitySteps: 2,
  precision: 0.5,
};
const parted = (
  changes: Partial<SweepOptions>,
  told: Parameters<typeof refuseUndividable>[2] = { shard },
) => {
  const all = { ...several, ...changes };
  refuseUndividable(all, planSweep(all), told);
};

Deno.test("refuseUndividable() refuses shards of several seeds whose rounds end by a precision, which none would reach", () => {
  assertThrows(
    () => parted({}),
    UserError,
    "--shard parts those of several seeds; give --rounds, or --seeds 1",
  );
  const fine: Partial<SweepOptions>[] = [{ precision: undefined }, { seeds: 1 }, { qualitySteps: 0 }];
  for (const changes of fine) assertEquals(parted(changes), undefined);
  assertEquals(parted({}, {}), undefined, "the whole sweep");
});
