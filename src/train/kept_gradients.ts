import { gradientSquares } from "../../kernels/optimizer/gradient_squares.ts";
import { materialize } from "../../kernels/shared/materialize.ts";
import { remembered } from "../../kernels/shared/remembered.ts";
import { type BuilderOptions, ProgramBuilder, type ProgramDescription } from "../gpu/builder.ts";
import { plain } from "../gpu/operand.ts";
import type { Store, Tensor } from "../gpu/tensor.ts";
import type { ParameterSet } from "../nn/parameters.ts";

/** The places of gradients that are kept beside others: stores of their own, of the same sizes. */
export class KeptGradients {
  readonly #storeOf = remembered((store: Store): Store => ({ ...store, name: `kept ${store.name}` }));

  constructor(private readonly parameters: ParameterSet) {}

  #placeOf(gradient: Tensor): Tensor {
    const { store, offset } = gradient.home!;
    return { ...gradient, name: `kept ${gradient.name}`, home: { store: this.#storeOf(store), offset } };
  }

  /** A program that copies all gradients there. */
  describeKeeping(builderOptions: BuilderOptions): ProgramDescription {
    const builder = new ProgramBuilder("keep gradients", builderOptions);
    for (const { gradient } of this.parameters.runs) {
      materialize(builder, plain(gradient), this.#placeOf(gradient));
    }
    return builder.build();
  }

  /** A program that compares the gradients with those that were kept, and by parameter the rows of sums that it leaves: `gradientSquares` says of what. */
  describeComparison(
    builderOptions: BuilderOptions,
  ): { description: ProgramDescription; sums: ReadonlyMap<string, Tensor> } {
    const builder = new ProgramBuilder("compare gradients", { ...builderOptions, keepAll: true });
    const sums = new Map(
      this.parameters.all.map((
        { name, gradient },
      ) => [name, gradientSquares(builder, gradient, this.#placeOf(gradient))]),
    );
    return { description: builder.build(), sums };
  }
}
