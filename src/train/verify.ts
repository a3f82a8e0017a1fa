import { UserError } from "../errors.ts";
import type { Gpu } from "../gpu/device.ts";
import { readGoldenCase } from "../io/golden_case.ts";
import { gpt2WeightsFrom } from "../io/gpt2_checkpoint.ts";
import type { NamedTensor } from "../io/safetensors.ts";
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
 * f32 arithmetic differs from float64's by about 2e-7 here; 1e-5 leaves room for other orders of summation. 16-bit storage rounds at 2^-11,
 * so about a tenth to a twentieth of what 8 bits cost, simulated at 0.6–1.1e-2 with the worst tensor at 2.1e-2.
 */
export const tolerances: Readonly<Record<string, Tolerance>> = {
  exact: { loss: 1e-5, lossSteps: "all", tensor: 1e-5, overall: [0, 1e-5] },
  half: { loss: 1e-5, lossSteps: "first", tensor: 2e-3, overall: [1e-5, 1e-3] },
  mesa8: { loss: 1e-5, lossSteps: "first", tensor: 5e-2, overall: [1e-3, 2e-2] },
};

/** Trains a reference case (a folder as `readGoldenCase` reads it) and compares losses and first-step gradients. */
export async function verifyCase(
  gpu: Gpu,
  folder: string,
  { policy }: { policy: string },
): Promise<VerifyReport> {
  const tolerance = tolerances[policy];
  if (!tolerance) {
    throw new UserError(
      `No tolerance is known for policy "${policy}"; verify ${Object.keys(tolerances).join(", ")}`,
    );
  }
  const golden = await readGoldenCase(folder);
  const { batch, sequence, optimizer } = golden;
  const model = { name: folder, ...golden.config };
  const session = await TrainingSession.create(
    gpu,
    { model, sequence, batch, policy, seed: 0, ...optimizer, clipNorm: 0 },
    gpt2WeightsFrom(golden.weights, golden.config, folder),
  );
  try {
    session.step(golden.batches[0]);
    const gradients = await session.gradients();
    for (const next of golden.batches.slice(1)) session.step(next);
    const losses = await session.losses();
    return judge(policy, tolerance, losses, golden.losses, gradients, golden.gradients);
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
  let difference = 0;
  let norm = 0;
  const tensors = [...expected].map(([name, reference]) => {
    const own = gradients.get(name)?.data as Float32Array;
    const squares = squaredDistance(own, reference.data as Float32Array);
    difference += squares.difference;
    norm += squares.norm;
    return { name, relativeError: Math.sqrt(squares.difference / squares.norm) };
  });
  const lossDifferences = losses.map((loss, i) => loss - expectedLosses[i]);
  const overallRelativeError = Math.sqrt(difference / norm);
  const worst = tensors.reduce((a, b) => a.relativeError >= b.relativeError ? a : b);
  const [least, most] = tolerance.overall;
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

/** Not-a-number compares false with every bound above, so a NaN fails. */
function squaredDistance(
  actual: Float32Array | undefined,
  expected: Float32Array,
): { difference: number; norm: number } {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += ((actual?.[i] ?? NaN) - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return { difference, norm };
}
