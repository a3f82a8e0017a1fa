import { UserError } from "../../src/errors.ts";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { livePeak } from "../../src/memory/live.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import { mostMicroBatches } from "../options/options.ts";

/** A step whose policy is a document. */
export type PlannedOptions = Omit<TrainOptions, "policy"> & { readonly policy: PolicyDocument };

/** One choice, as the command line has it, and the live peak that a step has with it. */
export interface Lowered {
  readonly choice: string;
  readonly livePeakBytes: number;
}

/** What would lower a step's live peak. */
export interface LowerPeak {
  /** Each by itself, the lowest peak first. */
  readonly choices: readonly Lowered[];
  /** What lowers it most once the first of them is taken. */
  readonly next: Lowered | null;
}

interface Choice {
  readonly kind: "policy" | "parameters" | "moments" | "sharding" | "update" | "micro-batches";
  readonly choice: string;
  readonly changes: Partial<PlannedOptions>;
}

/** Presets worth a proposal: not what is there for comparison (`mesa8-paper`, `tensor8`), and not the bits that are known to harm. */
const proposed = [
  ...["half", "mesa8", "token8", "mesa8-selective"],
  ...["recompute", "recompute8", "mst", "mst8"],
] as const;

/** A choice that leaves more than this of the peak is not worth a word. */
const worthwhile = 0.99;

/** What the command line says of a step besides its options. */
export interface CommandLine {
  /** A policy with the command line's own choices of storage in it; throws a UserError where they contradict it. */
  readonly withStorage: (policy: PolicyDocument) => PolicyDocument;
  /** Whether the size is told by --tokens, so that more micro-batches are smaller ones. */
  readonly tokensGiven: boolean;
}

/**
 * Which choices lower the live peak of a step, which has so many bytes: each of the presets, what parameters and moments are kept in, whether ranks shard these, when weights are updated,
 * micro-batches, mini-sequences. What is to come next is sought among those kinds of choices that lower it by themselves.
 */
export function lowerPeak(
  step: PlannedOptions,
  peakBytes: number,
  adapter: BuilderOptions,
  line: CommandLine,
): LowerPeak {
  const tried = (from: PlannedOptions, before: number, kinds?: ReadonlySet<Choice["kind"]>) =>
    choicesOf(from, line).filter(({ kind }) => kinds?.has(kind) ?? true)
      .flatMap(({ kind, choice, changes }) => {
        const options = { ...from, ...changes };
        const livePeakBytes = livePeakOf(options, adapter) ?? Infinity;
        return livePeakBytes <= worthwhile * before ? [{ kind, choice, options, livePeakBytes }] : [];
      }).sort((a, b) => a.livePeakBytes - b.livePeakBytes);
  const choices = tried(step, peakBytes);
  if (choices.length === 0) return { choices, next: null };
  const kinds = new Set(choices.map(({ kind }) => kind));
  if (choices[0].kind === "policy") kinds.delete("policy"); // the lowest of them is taken
  const [next = null] = tried(choices[0].options, choices[0].livePeakBytes, kinds);
  const told = ({ choice, livePeakBytes }: Lowered): Lowered => ({ choice, livePeakBytes });
  return { choices: choices.map(told), next: next && told(next) };
}

function choicesOf(step: PlannedOptions, { withStorage, tokensGiven }: CommandLine): Choice[] {
  const { policy, batch } = step;
  const { parameters, moments, update, accumulate, ranks, sharding } = { ...stepDefaults, ...step };
  const presets = proposed.filter((name) => name !== policy.name).flatMap((name): Choice[] => {
    const storage = orUndefined(() => withStorage(policyDocument(name)));
    return storage ? [{ kind: "policy", choice: `--policy ${name}`, changes: { policy: storage } }] : [];
  });
  const { mini_sequences: pieces } = policy;
  const inPieces: Choice = {
    kind: "policy",
    choice: `"mini_sequences": { "mlp": "auto" } in a document of the policy`,
    changes: { policy: { ...policy, mini_sequences: { ...pieces, mlp: "auto" } } },
  };
  const part = divisorOf(batch);
  const smaller: Choice = {
    kind: "micro-batches",
    choice: `${tokensGiven ? "" : `--batch ${batch / part} `}--accumulate ${accumulate * part}`,
    changes: { batch: batch / part, accumulate: accumulate * part },
  };
  const keeping = (kind: "parameters" | "moments", format: "bf16" | "8bit"): Choice => ({
    kind,
    choice: `--${kind} ${format}`,
    changes: { [kind]: format },
  });
  return [
    ...presets,
    ...pieces.mlp === "whole" ? [inPieces] : [],
    ...parameters === "f32" ? [keeping("parameters", "bf16")] : [],
    ...moments === "f32" ? [keeping("moments", "bf16")] : [],
    ...moments !== "8bit" ? [keeping("moments", "8bit")] : [],
    ...ranks > 1 && sharding === "none"
      ? [{ kind: "sharding", choice: "--sharding moments", changes: { sharding: "moments" } } as const]
      : [],
    ...update === "step"
      ? [
        {
          kind: "update",
          choice: "--update backward --clip-by last",
          changes: { update: "backward", clipBy: "last" },
        } as const,
      ]
      : [],
    ...batch > 1 && accumulate * part <= mostMicroBatches ? [smaller] : [],
  ];
}

/** The smallest divisor above one. */
function divisorOf(batch: number): number {
  for (let divisor = 2; divisor * divisor <= batch; divisor++) if (batch % divisor === 0) return divisor;
  return batch;
}

/** The live peak of a step, which needs no packing; null where its choices contradict each other, or no adapter could bind it. */
function livePeakOf(step: PlannedOptions, adapter: BuilderOptions): number | null {
  const description = orUndefined(() => describeStep(step, adapter));
  if (!description) return null;
  const { claims, standing } = description;
  return livePeak(claims).bytes + standing.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** What `work` gives; undefined for what the user or the adapter could not have. */
function orUndefined<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof UserError || error instanceof OutOfMemoryError) return undefined;
    throw error;
  }
}
