import type { Exchange } from "./exchange.ts";
import type { Dispatch } from "./kernel.ts";
import { endOf } from "./pieces.ts";
import { type Tensor, tensorBytes, wholeOf } from "./tensor.ts";

/** What a program does, one after the other. */
export type Step = Dispatch | Exchange;

export const isExchange = (step: object): step is Exchange => "carry" in step;

/** The tensors whose numbers a step takes, and those that it makes. */
function flowOf(step: Step): { taken: Tensor[]; made: Tensor[] } {
  const tensors = (of: readonly { tensor: Tensor }[]) => of.map(({ tensor }) => tensor);
  if (isExchange(step)) {
    const { leaves, arrives, stays: { copies } = { copies: [] } } = step;
    return {
      taken: tensors([...leaves, ...copies.map(({ from }) => from)]),
      made: tensors([...arrives, ...copies.map(({ to }) => to)]),
    };
  }
  return {
    taken: tensors(step.bindings.filter(({ access }) => access !== "write")),
    made: tensors(step.bindings.filter(({ access }) => access !== "read")),
  };
}

/**
 * How many of the dispatches that follow an exchange need not wait for it: none that touches what arrives. Only where all of that has a home: memory
 * that is planned belongs to it from the exchange's place on, but what stays may lie in memory that others have by then.
 */
export function besideExchange({ arrives, stays }: Exchange, following: readonly Dispatch[]): number {
  const homes = arrives.flatMap((piece) => {
    const { home } = piece.tensor;
    if (!home) return [];
    return [{ store: home.store, first: home.offset + piece.offset, end: home.offset + endOf(piece) }];
  });
  if (stays || homes.length < arrives.length) return 0;
  const touches = ({ home, ...tensor }: Tensor) =>
    home !== undefined &&
    homes.some(({ store, first, end }) =>
      store === home.store && home.offset < end && first < home.offset + tensorBytes(tensor)
    );
  const first = following.findIndex(({ bindings }) => bindings.some(({ tensor }) => touches(tensor)));
  return first < 0 ? following.length : first;
}

/** All steps but those that recompute what nobody reads: a layer that is emitted again need not know which of its results are wanted. */
export function withoutDeadRecomputation(steps: readonly Step[]): Step[] {
  const wanted = new Set<Tensor>();
  return steps.toReversed().filter((step) => {
    const { taken, made } = flowOf(step);
    // What arrives elsewhere alone is wanted there: ranks must agree on their exchanges.
    const wants = step.pass !== "recompute" || made.length === 0 ||
      made.some((t) => t.home || wanted.has(wholeOf(t)));
    if (wants) { for (const tensor of taken) wanted.add(wholeOf(tensor)); }
    return wants;
  }).reverse();
}

/**
 * Pairs of tensors that cannot be in one buffer: a dispatch may not bind it once to read and once to write, and nothing is copied within one.
 */
export function* apart(
  dispatches: readonly Dispatch[],
  exchanges: readonly Exchange[],
  tensors: readonly Tensor[],
): Generator<[number, number]> {
  const indexOf = new Map(tensors.map((tensor, i) => [tensor, i]));
  for (const { from, to } of exchanges.flatMap(({ stays }) => stays?.copies ?? [])) {
    const [source, target] = [from, to].map(({ tensor }) => indexOf.get(wholeOf(tensor)));
    if (source !== undefined && target !== undefined) yield [source, target];
  }
  for (const { bindings } of dispatches) {
    for (const { tensor, access } of bindings) {
      const written = indexOf.get(wholeOf(tensor));
      if (access === "read" || written === undefined) continue;
      for (const other of bindings) {
        const bound = indexOf.get(wholeOf(other.tensor));
        if (bound !== undefined && bound !== written) yield [written, bound];
      }
    }
  }
}
