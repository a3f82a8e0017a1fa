import { z } from "zod";
import { type Arithmetic, arithmetics } from "../gpu/arithmetic.ts";
import type { Gpu } from "../gpu/device.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import { type Weights, weightsFrom } from "../models/checkpoint.ts";
import { type GoldenCase, readGoldenCase } from "../models/golden_case.ts";
import { limit, storageOfDevice } from "../models/shared/reference_storage.ts";
import { createPolicy, policyDocument } from "../storage/policies.ts";
import type { PolicyDocument } from "../storage/policy_document.ts";
import { readStored, type StoredTensor } from "../storage/stored_values.ts";
import { addSquares, errorOf, squaresByTensor } from "./gradient_error.ts";
import { goldenReference, goldenSession } from "./golden_session.ts";
import type { TrainingSession } from "./session.ts";
import { boundsOf } from "./verify_bounds.ts";

const tensorError = z.object({
  name: z.string(),
  relativeError: z.number().describe("of the gradient against the case's: ‖g − r‖ / ‖r‖"),
  fromStored: z.number().describe(
    "the same against the float64 model's that reads the very values that were stored",
  ),
});

/** What a comparison with a reference case found, as `verify --json` prints it. */
export const verification = z.object({
  policy: z.string(),
  arithmetic: z.enum(arithmetics),
  pass: z.boolean(),
  lossDifferences: z.array(z.number()).describe("loss of each step minus the case's"),
  tensors: z.array(tensorError).describe("first-step gradients, in the order of the case's file"),
  overallRelativeError: z.number().describe(
    "‖all gradients − all of the case‖ / ‖all of the case‖: what the policy costs",
  ),
  worst: tensorError,
  failures: z.array(z.string()).describe("one sentence for each bound that was missed"),
}).meta({ title: "Verification", description: "A comparison with a reference case" });

/** The same, and the first-step gradients as computed here. */
export interface VerifyReport extends z.infer<typeof verification> {
  readonly gradients: Map<string, NamedTensor>;
}

/** What a device made of a case: the losses of its steps, the first step's gradients, and what backward read of what was stored. */
export interface DeviceResult {
  readonly losses: readonly number[];
  readonly gradients: Map<string, NamedTensor>;
  readonly stored: ReadonlyMap<string, StoredTensor>;
}

/**
 * Trains a reference case (a folder as `readGoldenCase` reads it) and judges it. What its arithmetic must reach (`boundsOf`) holds under every
 * policy: for the first step's gradients against those that the float64 model computes from the values that the device stored. Where
 * nothing is stored in fewer bits, it holds for all losses and the gradients against the case's; else for the first loss, which storage cannot change,
 * and for the float64 model's own gradients without storage.
 */
export async function verifyCase(
  gpu: Gpu,
  folder: string,
  { policy, arithmetic }: { policy: string | PolicyDocument; arithmetic?: Arithmetic },
): Promise<VerifyReport> {
  const document = typeof policy === "string" ? policyDocument(policy) : policy;
  const golden = await readGoldenCase(folder);
  const weights = weightsFrom(golden.weights, golden.config, folder);
  const found = await onDevice(gpu, golden, weights, document, folder, arithmetic);
  return judge(document, golden, weights, found, arithmetic);
}

/** A case on the device, under a policy. */
export async function onDevice(
  gpu: Gpu,
  golden: GoldenCase,
  weights: Weights,
  policy: PolicyDocument,
  name: string,
  arithmetic?: Arithmetic,
): Promise<DeviceResult> {
  const session = await goldenSession(gpu, golden, weights, policy, name, arithmetic);
  try {
    const [first, ...others] = golden.batches;
    const stored = await storedValues(session, policy, first);
    session.step(first);
    const gradients = await session.gradients();
    for (const next of others) session.step(next);
    return { losses: await session.losses(), gradients, stored };
  } finally {
    session.destroy();
  }
}

/** What the session's next step will store of a batch: its program reuses memory, so the same kernels run once in a program that does not. */
async function storedValues(
  session: TrainingSession,
  policy: PolicyDocument,
  batch: GoldenCase["batches"][0],
) {
  const program = await session.gradientProgram(createPolicy(policy), { keepAll: true });
  try {
    session.runGradients(program, batch);
    return await readStored(program);
  } finally {
    program.destroy();
  }
}

/** Compares what a device made of a case under a policy with the case, and with the float64 model. */
export function judge(
  policy: PolicyDocument,
  golden: GoldenCase,
  weights: Weights,
  { losses, gradients, stored }: DeviceResult,
  arithmetic: Arithmetic = "f32",
): VerifyReport {
  const bounds = boundsOf(arithmetic, golden);
  const { storage, complaints } = storageOfDevice(policy, stored, bounds.gradient);
  const fromStored = errors(gradients, goldenReference(golden, weights, storage));
  const squares = squaresByTensor(gradients, golden.gradients);
  const tensors = [...squares].map(([name, own]) => ({
    name,
    relativeError: errorOf(own).relativeError,
    fromStored: fromStored.get(name)!,
  }));
  const lossDifferences = losses.map((loss, i) => loss - golden.losses[i]);
  const exact = stored.size === 0;
  const whose = exact ? "" : ", in float64 and with nothing stored,";
  const unstored = errors(exact ? gradients : goldenReference(golden, weights), golden.gradients);
  const told = (error: number) => error.toExponential(2);
  const named = (bound: number) => bound === limit ? `${limit}` : told(bound);
  // Not-a-number compares false with every bound, so a NaN fails.
  const failures = [
    ...lossDifferences.flatMap((d, i) =>
      Math.abs(d) <= bounds.loss || (i > 0 && !exact)
        ? []
        : [`Loss of step ${i + 1} differs by ${told(d)}, more than ${named(bounds.loss)}`]
    ),
    ...[...unstored].flatMap(([name, error]) =>
      error <= bounds.gradient ? [] : [
        `Gradient of ${name} differs by ${told(error)}${whose} from the case's, more than ${
          named(bounds.gradient)
        }`,
      ]
    ),
    ...tensors.flatMap(({ name, fromStored }) =>
      fromStored <= bounds.gradient
        ? []
        : [`Gradient of ${name} is not that of the stored values: it differs by ${told(fromStored)}`]
    ),
    ...complaints(),
  ];
  return {
    policy: policy.name,
    arithmetic,
    pass: failures.length === 0,
    lossDifferences,
    tensors,
    failures,
    gradients,
    overallRelativeError: errorOf(addSquares(squares.values())).relativeError,
    worst: tensors.reduce((a, b) => a.relativeError >= b.relativeError ? a : b),
  };
}

/** Relative errors by tensor. */
function errors(own: Map<string, NamedTensor>, reference: Map<string, NamedTensor>): Map<string, number> {
  const squares = squaresByTensor(own, reference);
  return new Map([...squares].map(([name, each]) => [name, errorOf(each).relativeError]));
}
