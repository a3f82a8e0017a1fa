import { UserError } from "../../src/errors.ts";
import { type StepChoices, stepDefaults } from "../../src/train/step_choices.ts";
import { nameOf } from "../options/unused.ts";
import type { CellConfiguration } from "../results/results.ts";
import type { Shard } from "../results/run_header.ts";
import { cellsOfShard } from "../sweep/shards.ts";
import type { SweepOptions } from "../sweep/sweep_options.ts";

/** Throws a UserError for a sweep whose cells depend on each other, or on the plan of one program, where they would be parted; or are too few. */
export function refuseUndividable(
  { growing, longest, memory, reinvest, ranks = stepDefaults.ranks, rankCounts = [], ...rounds }:
    SweepOptions,
  told: readonly CellConfiguration[],
  { shard, against }: { readonly shard?: Shard; readonly against?: string },
): void {
  const parting = shard ? "--shard" : against === undefined ? undefined : "--against";
  if (parting && growing) {
    throw new UserError(
      `A sweep that grows until nothing fits goes by what came before, so ${parting} cannot part it; take another profile`,
    );
  }
  if (against !== undefined && reinvest) {
    throw new UserError(
      "What memory affords is a matter of this program's plan, which --against knows of no other; take another profile",
    );
  }
  if (shard && rounds.precision !== undefined && rounds.qualitySteps > 0 && rounds.seeds > 1) {
    throw new UserError(
      "Rounds end by a precision that all of them tell, and --shard parts those of several seeds; give --rounds, or --seeds 1",
    );
  }
  if (shard && !longest) cellsOfShard(told, shard); // what is found is divided, too
  if (against !== undefined && memory !== undefined) {
    throw new UserError(
      "--memory is a matter of this program's plan, which --against knows of no other; leave one out",
    );
  }
  if (against !== undefined && Math.max(ranks, ...rankCounts) > 1) {
    throw new UserError(
      "--against has two processes take turns, and ranks are several; leave one of them out",
    );
  }
}

/** Throws a UserError where several numbers of ranks stand beside each other in what one number is meant for. */
export function refuseSeveralRanks(
  { rankCounts = [], growing, longest, frontier, reinvest }: SweepOptions,
): void {
  if (rankCounts.length < 2 || !(growing || longest || frontier || reinvest)) return;
  throw new UserError("This profile takes one number of ranks; give --ranks one, or take another profile");
}

/** Throws a UserError for a search for the longest sequences that nothing bounds. */
export function refuseBoundless({ longest, tokens }: SweepOptions): void {
  if (!longest || tokens === undefined) return;
  throw new UserError(
    "The longest sequence that fits is one of so many to a step, which --tokens leaves open; give --batch",
  );
}

/** Throws a UserError for a choice of a step that the rows of the profile vary by themselves: their names would say otherwise. */
export function refuseVaried(given: StepChoices, { combinations = [] }: SweepOptions): void {
  const varied = new Set(combinations.flatMap(({ choices = {} }) => Object.keys(choices)));
  const [choice] = (Object.keys(stepDefaults) as (keyof StepChoices)[])
    .filter((name) => given[name] !== undefined && varied.has(name));
  if (choice === undefined) return;
  throw new UserError(
    `${
      nameOf(choice, given[choice])
    } is what this profile varies from row to row; leave it out, or take another profile`,
  );
}
