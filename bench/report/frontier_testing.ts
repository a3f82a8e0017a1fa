import { policyDocument } from "../../src/storage/policies.ts";
import type { StepChoices } from "../../src/train/step_choices.ts";
import { fakeErrors, fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";
import type { CellRecord } from "../results/results.ts";
import type { PeerMark, PlannedCombination, Told } from "../results/run_header.ts";

/** A combination that ran, for tests: what its buffers and its steps are of `exact`'s. */
export interface FakeCombination {
  readonly name: string;
  readonly policy: string;
  readonly choices?: StepChoices;
  readonly memory: number;
  /** Of a step, in each of three rounds a little more. */
  readonly time: number;
  /** What its step takes of that in each of the rounds; always the same if left out. */
  readonly scatter?: readonly [number, number, number];
  /** Of its gradient, where it was compared. */
  readonly error?: number;
}

/** The records of combinations in three rounds, for tests. */
export const fakeCombinations = (all: readonly FakeCombination[]): CellRecord[] =>
  [0, 1, 2].flatMap((round) =>
    all.map(({ name, policy, choices = {}, memory, time, scatter, error }) => {
      const beside = Object.keys(choices).length > 0 ? { ...choices, beside: {} } : {};
      const bytes = memory * 2 ** 30;
      const { memory: usual, timing } = fakeMeasurement();
      return fakeRecord(
        { policy: name, storage: { ...policyDocument(policy), name }, round, ...beside },
        {
          memory: { ...usual!, bufferBytes: bytes, livePeakBytes: bytes },
          timing: { ...timing!, stepMilliseconds: [time * (100 + round) * (scatter?.[round] ?? 1)] },
          quality: round === 0
            ? fakeQuality(3, { gradientErrors: error === undefined ? [] : [fakeErrors(2, error)] })
            : null,
        },
      );
    })
  );

/** What a header tells of such combinations, for tests. */
export function fakeFrontier(all: readonly FakeCombination[], rows: readonly PeerMark[] = []): Told {
  const planned = all.map(({ name, policy, choices, memory }): PlannedCombination => ({
    ...{ model: "nano", sequence: 128, batch: 4, name, policy, ...choices },
    ...{ memory: { ...fakeMeasurement().memory!, bufferBytes: memory * 2 ** 30 }, seconds: 1, fits: true },
  }));
  const peers = { command: "python3 bench/peers/torch_gpt2.py --out results.jsonl", rows: [...rows] };
  return { frontier: { most: 40, planned }, ...rows.length > 0 && { peers } };
}
