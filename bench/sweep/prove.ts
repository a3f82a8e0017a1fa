/** Proof of what fits: the answer trains on the adapter at hand, and the next size does not. */

import { z } from "zod";
import { type Trial, type TrialEnd, trialEnd } from "./attempt.ts";
import { type Fit, FitSearch, stepOf } from "./fit.ts";
import { largestWhere } from "./largest.ts";

const [trained, refused] = trialEnd.options;

export const proof = z.object({
  proved: z.boolean().describe("whether the answer trained and the next size was refused"),
  plannedSize: z.int().nonnegative().describe(
    "the largest size by plan, which the device may not give, or exceed; 0: none",
  ),
  trained: trained.omit({ status: true }).nullable().describe("of the answer"),
  refused: refused.omit({ status: true }).nullable().describe("of the next size"),
  attempts: z.int().nonnegative().describe("processes that tried a step"),
  failure: z.string().nullable().describe("what stood against a proof"),
});
export type Proof = z.infer<typeof proof>;

/** Tries a step, in a process of its own. */
export type Try = (trial: Trial) => Promise<TrialEnd>;

/** A step that neither trained nor was refused proves nothing. */
class Unproved extends Error {}

/**
 * Proves what the plan says fits in so many bytes. A budget that was given holds for every attempt, as a refusal before anything is
 * allocated. Of one that is the device's own (`real`) sizes that the plan lets pass are held to it as well, and larger ones only to what the
 * device really gives: where that is another size than the plan's, it is looked for, step by step. Returns what fits by then.
 */
export async function prove(
  search: FitSearch,
  budget: number,
  fit: Fit,
  { attempt, real }: { attempt: Try; real: boolean },
): Promise<{ fit: Fit; proof: Proof }> {
  const plannedSize = fit.answer?.size ?? 0;
  const ends = new Map<number, TrialEnd>();
  const trains = async (size: number) => {
    const room = real && size > plannedSize ? null : budget;
    const end = await attempt({ ...stepOf(search.open, size), policy: search.open.policy, room });
    ends.set(size, end);
    if (end.status === "failed") throw new Unproved(`Size ${size}: ${end.message}`);
    return end.status === "trained";
  };
  let failure: string | null = null;
  let size = plannedSize;
  try {
    if (real) size = await largestWhere(trains, { near: plannedSize }) ?? 0;
    else {
      if (size > 0 && !await trains(size)) throw new Unproved(`Size ${size} was refused`);
      if (await trains(size + 1)) throw new Unproved(`Size ${size + 1} trained, too`);
    }
  } catch (error) {
    if (!(error instanceof Unproved)) throw error;
    failure = error.message;
  }
  const [answer, next] = [ends.get(size), ends.get(size + 1)];
  const proof: Proof = {
    proved: failure === null,
    plannedSize,
    trained: answer?.status === "trained" ? rest(answer) : null,
    refused: next?.status === "refused" ? rest(next) : null,
    attempts: ends.size,
    failure,
  };
  return { proof, fit: failure === null && size !== plannedSize ? found(search, size, proof) : fit };
}

function rest<End extends TrialEnd>({ status: _, ...told }: End): Omit<End, "status"> {
  return told;
}

/** What fits where the device gave another size than the plan said. */
function found(search: FitSearch, size: number, { refused }: Proof): Fit {
  const { message, wantedBytes } = refused!;
  return {
    answer: size === 0 ? null : { size, plan: search.planOf(size)! },
    next: { size: size + 1, refusal: { limit: "memory", message, wantedBytes } },
  };
}
