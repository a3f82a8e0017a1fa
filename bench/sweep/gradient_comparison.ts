import type { Program } from "../../src/gpu/program.ts";
import { inCheckpoints } from "../../src/models/shared/checkpoint_parameters.ts";
import {
  addSquares,
  errorOf,
  noiseOf,
  operatorNames,
  operatorOf,
  squaresByTensor,
} from "../../src/train/gradient_error.ts";
import { policyOf } from "../../src/train/options.ts";
import type { StepBatches, TrainingSession } from "../../src/train/session.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import type { GradientErrors } from "../results/results.ts";

/** Compares the gradients of a session's steps with those that `exact` computes in f32 from the same weights and batch. */
export class GradientComparison {
  private constructor(private readonly session: TrainingSession, private readonly exact: Program) {}

  static async create(session: TrainingSession): Promise<GradientComparison> {
    const { arithmetic } = session.options;
    const inHalves = (arithmetic ?? stepDefaults.arithmetic) !== "f32";
    const options = inHalves ? { arithmetic: "f32", variants: undefined } as const : {}; // tuned for halves
    const exact = await session.gradientProgram(policyOf({ policy: "exact" }), options);
    return new GradientComparison(session, exact);
  }

  /**
   * Trains one step on a batch. Returns its loss, and how far its gradient is from the exact one; beside that how far the exact gradient of
   * another batch, which is not trained on, is from it.
   */
  async step(
    batch: StepBatches,
    other: StepBatches,
  ): Promise<{ loss: number; error: Omit<GradientErrors, "step"> }> {
    const beside = await this.session.gradientsUnder(this.exact, other);
    const reference = await this.session.gradientsUnder(this.exact, batch);
    const noise = noiseOf(addSquares(squaresByTensor(beside, reference).values()));
    this.session.step(batch);
    const squares = squaresByTensor(await this.session.gradients(), reference);
    const [loss] = await this.session.losses();
    const parameters = this.session.parameterSet.all;
    const operators = Object.fromEntries(operatorNames.map((operator) => {
      const own = parameters.filter((parameter) => operatorOf(parameter) === operator);
      return [
        operator,
        errorOf(addSquares(own.flatMap(inCheckpoints).map(({ name }) => squares.get(name)!))),
      ];
    }));
    return { loss, error: { overall: errorOf(addSquares(squares.values())), noise, operators } };
  }

  /** Frees the memory of the exact program. */
  destroy(): void {
    this.exact.destroy();
  }
}
