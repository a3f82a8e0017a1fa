import type { Program } from "../../src/gpu/program.ts";
import { addSquares, errorOf, noiseOf, operatorNames, operatorOf } from "../../src/train/gradient_error.ts";
import type { KeptGradients } from "../../src/train/kept_gradients.ts";
import { policyOf } from "../../src/train/options.ts";
import type { StepBatches, TrainingSession } from "../../src/train/session.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import type { GradientErrors } from "../results/results.ts";

/** Compares the gradients of a session's steps with those that `exact` computes in f32 from the same weights and batch, on the device. */
export class GradientComparison {
  private constructor(
    private readonly session: TrainingSession,
    private readonly exact: Program,
    private readonly kept: KeptGradients,
  ) {}

  /** Throws OutOfMemoryError where `exact`'s program, or its gradients, do not fit beside what trains. Destroy it before the session. */
  static async create(session: TrainingSession): Promise<GradientComparison> {
    const { arithmetic } = session.options;
    const inHalves = (arithmetic ?? stepDefaults.arithmetic) !== "f32";
    const options = inHalves ? { arithmetic: "f32", variants: undefined } as const : {}; // tuned for halves
    const exact = await session.gradientProgram(policyOf({ policy: "exact" }), options);
    try {
      return new GradientComparison(session, exact, await session.keptGradients());
    } catch (error) {
      exact.destroy();
      throw error;
    }
  }

  /**
   * Trains one step on a batch. Returns its loss, and how far its gradient is from the exact one; beside that how far the exact gradient of
   * another batch, which is not trained on, is from it.
   */
  async step(
    batch: StepBatches,
    other: StepBatches,
  ): Promise<{ loss: number; error: Omit<GradientErrors, "step"> }> {
    const { session, exact, kept } = this;
    session.runGradients(exact, batch);
    kept.keep();
    session.runGradients(exact, other);
    const noise = noiseOf(addSquares((await kept.squares()).values()));
    session.step(batch);
    const squares = await kept.squares();
    const [loss] = await session.losses();
    const operators = Object.fromEntries(operatorNames.map((operator) => {
      const own = session.parameterSet.all.filter((parameter) => operatorOf(parameter) === operator);
      return [operator, errorOf(addSquares(own.map(({ name }) => squares.get(name)!)))];
    }));
    return { loss, error: { overall: errorOf(addSquares(squares.values())), noise, operators } };
  }

  /** Frees the memory of its programs. */
  destroy(): void {
    this.exact.destroy();
    this.kept.destroy();
  }
}
