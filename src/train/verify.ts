import type { Gpu } from "../gpu/device.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import { weightsFrom } from "../models/checkpoint.ts";
import { readGoldenCase } from "../models/golden_case.ts";
import type { ModelConfig } from "../models/model_config.ts";
import { policyDocument } from "../storage/policies.ts";
import type { PolicyDocument } from "../storage/policy_document.ts";
import { addSquares, errorOf, squaresByTensor } from "./gradient_error.ts";
import { TrainingSession } from "./session.ts";

/** A tensor's gradient against the reference's: ‖g − r‖ / ‖r‖. */
export interface TensorError {
  readonly name: string;
  readonly relativeError: number;
}

/** What a comparison with a reference case found. */
export interface VerifyReport {
  readonly policy: string;
  readonly pass: boolean;
  /** Loss of each step minus the reference's. */
  readonly lossDifferences: number[];
  /** First-step gradients, in the order of the case's file. */
  readonly tensors: TensorError[];
  /** ‖all gradients − all of the reference‖ / ‖all of the reference‖. */
  readonly overallRelativeError: number;
  readonly worst: TensorError;
  /** One sentence for each bound that was missed. */
  readonly failures: string[];
  readonly tolerance: Tolerance;
  /** First-step gradients as computed here. */
  readonly gradients: Map<string, NamedTensor>;
}

/** Bounds on a policy: losses of which steps, each gradient tensor, all gradients together (a lower bound shows that bits were dropped). */
export interface Tolerance {
  readonly loss: number;
  readonly lossSteps: "all" | "first";
  readonly tensor: number;
  readonly overall: readonly [least: number, most: number];
}

/**
 * Bounds on a policy, by the fewest bits it stores anything in. f32 arithmetic differs from float64's by about 2e-7 here; 1e-5 leaves room
 * for other orders of summation. 16-bit storage rounds at 2^-11, so about a tenth to a twentieth of what 8 bits cost, simulated at
 * 0.6–1.1e-2 with the worst tensor at 2.1e-2; fewer bits cost as much more as their steps are wider. A policy with rules may store next to
 * nothing in those bits, so it has no lower bound.
 */
export function toleranceOf({ bits, rules }: PolicyDocument): Tolerance {
  const fewest = Math.min(bits, ...rules.map((rule) => rule.bits ?? bits));
  const [loss, lossSteps] = [1e-5, fewest === 32 ? "all" : "first"] as const;
  const atLeast = (least: number) => rules.length > 0 ? 0 : least;
  if (fewest === 32) return { loss, lossSteps, tensor: 1e-5, overall: [0, 1e-5] };
  if (fewest === 16) return { loss, lossSteps, tensor: 2e-3, overall: [atLeast(1e-5), 1e-3] };
  const width = 255 / (2 ** fewest - 1);
  return { loss, lossSteps, tensor: 5e-2 * width, overall: [atLeast(1e-3 * width), 2e-2 * width] };
}

/** Trains a reference case (a folder as `readGoldenCase` reads it) and compares losses and first-step gradients. */
export async function verifyCase(
  gpu: Gpu,
  folder: string,
  { policy }: { policy: string | PolicyDocument },
): Promise<VerifyReport> {
  const document = typeof policy === "string" ? policyDocument(policy) : policy;
  const tolerance = toleranceOf(document);
  const golden = await readGoldenCase(folder);
  const session = await TrainingSession.create(gpu, {
    model: { name: folder, ...golden.config } as ModelConfig,
    sequence: golden.sequence,
    ...golden.optimizer,
    ...{ policy: document, batch: golden.batch, seed: 0, clipNorm: 0, pixels: "f32" },
  }, weightsFrom(golden.weights, golden.config, folder));
  try {
    session.step(golden.batches[0]);
    const gradients = await session.gradients();
    for (const next of golden.batches.slice(1)) session.step(next);
    const losses = await session.losses();
    return judge(document.name, tolerance, losses, golden.losses, gradients, golden.gradients);
  } finally {
    session.destroy();
  }
}

function judge(
  policy: string,
  tolerance: Tolerance,
  losses: number[],
  expectedLosses: readonly number[],
  gradients: Map<string, NamedTensor>,
  expected: Map<string, NamedTensor>,
): VerifyReport {
  const byTensor = squaresByTensor(gradients, expected);
  const tensors = [...byTensor].map(([name, squares]) => ({
    name,
    relativeError: errorOf(squares).relativeError,
  }));
  const overallRelativeError = errorOf(addSquares(byTensor.values())).relativeError;
  const lossDifferences = losses.map((loss, i) => loss - expectedLosses[i]);
  const worst = tensors.reduce((a, b) => a.relativeError >= b.relativeError ? a : b);
  const [least, most] = tolerance.overall;
  // Not-a-number compares false with every bound, so a NaN fails.
  const failures = [
    ...lossDifferences.flatMap((d, i) =>
      Math.abs(d) <= tolerance.loss || (i > 0 && tolerance.lossSteps === "first")
        ? []
        : [`Loss of step ${i + 1} differs by ${d.toExponential(2)}, more than ${tolerance.loss}`]
    ),
    ...tensors.flatMap(({ name, relativeError }) =>
      relativeError <= tolerance.tensor
        ? []
        : [`Gradient of ${name} differs by ${relativeError.toExponential(2)}, more than ${tolerance.tensor}`]
    ),
    ...(overallRelativeError <= most
      ? []
      : [`All gradients differ by ${overallRelativeError.toExponential(2)}, more than ${most}`]),
    ...(overallRelativeError >= least ? [] : [
      `All gradients differ by only ${
        overallRelativeError.toExponential(2)
      }, less than ${least}: nothing was quantized`,
    ]),
  ];
  const pass = failures.length === 0;
  return {
    policy,
    pass,
    lossDifferences,
    tensors,
    overallRelativeError,
    worst,
    failures,
    tolerance,
    gradients,
  };
}
