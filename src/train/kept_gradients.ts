import { gradientSquares } from "../../kernels/optimizer/gradient_squares.ts";
import { materialize } from "../../kernels/shared/materialize.ts";
import { remembered } from "../../kernels/shared/remembered.ts";
import { ProgramBuilder } from "../gpu/builder.ts";
import { plain } from "../gpu/operand.ts";
import type { Window } from "../gpu/limits.ts";
import type { Program } from "../gpu/program.ts";
import type { Store, Tensor } from "../gpu/tensor.ts";
import { type Squares, squaresOf } from "./gradient_error.ts";
import type { InTraining } from "./in_training.ts";
import type { SessionMemory } from "./session_memory.ts";

/**
 * Gradients kept on the device, which later ones are compared with where they are: in as much memory again, which `destroy` frees. Whose
 * gradients they are, a step's or a program's of gradients, is the matter of who runs it.
 */
export class KeptGradients {
  private constructor(
    private readonly memory: SessionMemory,
    private readonly stores: ReadonlySet<Store>,
    private readonly keeping: Program,
    private readonly comparison: Program,
    /** What a comparison leaves: rows of sums, and by parameter which are its own. */
    private readonly sums: Tensor,
    private readonly rows: ReadonlyMap<string, Window>,
  ) {}

  /** Makes the place and the programs. Throws OutOfMemoryError with the bytes wanted. Destroy it before the session. */
  static async create({ parameterSet, builderOptions, memory, step }: InTraining): Promise<KeptGradients> {
    const storeOf = remembered((store: Store): Store => ({ ...store, name: `kept ${store.name}` }));
    const keptOf = (gradient: Tensor): Tensor => {
      const { store, offset } = gradient.home!;
      return { ...gradient, name: `kept ${gradient.name}`, home: { store: storeOf(store), offset } };
    };
    const stores = new Set(parameterSet.gradients.map((gradient) => keptOf(gradient).home!.store));
    const keep = new ProgramBuilder("keep gradients", builderOptions);
    for (const gradient of parameterSet.gradients) materialize(keep, plain(gradient), keptOf(gradient));
    const compare = new ProgramBuilder("compare gradients", { ...builderOptions, keepAll: true });
    const { all } = parameterSet;
    const pairs = all.map(({ gradient }) => [gradient, keptOf(gradient)] as const);
    const { sums, rows } = gradientSquares(compare, pairs);
    const byName = new Map(all.map(({ name }, i) => [name, rows[i]]));
    const keeping = await memory.program(keep.build(), step);
    try {
      const comparison = await memory.program(compare.build());
      return new KeptGradients(memory, stores, keeping, comparison, sums, byName);
    } catch (error) {
      keeping.destroy();
      memory.destroy(stores);
      throw error;
    }
  }

  /** Keeps the gradients that there are when all that was run before has run. Waits for nothing. */
  keep(): void {
    this.memory.run(this.keeping);
  }

  /** By parameter the squares of the gradients that there are beside those kept. Waits for the queue. */
  async squares(): Promise<Map<string, Squares>> {
    this.memory.run(this.comparison);
    await this.memory.submitted();
    const sums = new Float32Array(await this.comparison.read(this.sums));
    return new Map(
      [...this.rows].map((
        [name, { first, rows }],
      ) => [name, squaresOf(sums.subarray(4 * first, 4 * (first + rows)))]),
    );
  }

  destroy(): void {
    this.keeping.destroy();
    this.comparison.destroy();
    this.memory.destroy(this.stores);
  }
}
