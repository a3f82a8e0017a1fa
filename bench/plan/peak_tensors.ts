import { stagingBytes } from "../../src/gpu/exchange.ts";
import { type Dtype, rowBytes, type Tensor, tensorBytes, wholeOf } from "../../src/gpu/tensor.ts";
import type { Category } from "../../src/memory/category.ts";
import type { DescribedStep } from "../../src/train/plan_training.ts";

/** Tensors that are alike but for the block that they are of, or a tensor by itself. */
export interface TensorGroup {
  /** With `*` in the place of the block's number where they are of several. */
  readonly name: string;
  /** Of each. */
  readonly shape: readonly [rows: number, cols: number];
  readonly dtype: Dtype;
  readonly category: Category;
  /** In order; empty where they are of none. */
  readonly blocks: readonly number[];
  readonly count: number;
  /** Of all together, padding included. */
  readonly bytes: number;
}

interface Placed {
  readonly tensor: Tensor;
  readonly block?: number;
}

/** What lives at a dispatch of a step, the largest first; of the uniforms and what fills standing buffers up it tells nothing. */
export function tensorsAt(step: DescribedStep, at: number): TensorGroup[] {
  const groups = Map.groupBy([...plannedAt(step, at), ...standing(step)], ({ tensor, block }) => {
    const { rows, cols, dtype, category } = tensor;
    return JSON.stringify([withoutBlock(tensor.name, block), rows, cols, dtype, category]);
  });
  const tensors = [...groups.values()].map((group): TensorGroup => {
    const [{ tensor, block }] = group;
    const { name, rows, cols, dtype, category } = tensor;
    return {
      name: group.length > 1 ? withoutBlock(name, block) : name,
      shape: [rows, cols],
      dtype,
      category,
      blocks: group.flatMap(({ block }) => block ?? []).toSorted((a, b) => a - b),
      count: group.length,
      bytes: group.length * tensorBytes(tensor),
    };
  });
  return [...tensors, ...staging(step)].sort((a, b) => b.bytes - a.bytes);
}

/** The buffers through which ranks exchange tensors, as words of 32 bits. */
const staging = ({ exchanges }: DescribedStep): TensorGroup[] =>
  stagingBytes(exchanges).map(({ name, bytes }) => ({
    name: `exchange: ${name}`,
    shape: [1, Math.ceil(bytes / 4)],
    dtype: "u32",
    category: "control",
    blocks: [],
    count: 1,
    bytes,
  }));

const withoutBlock = (name: string, block?: number) =>
  block === undefined ? name : name.replace(new RegExp(`\\b${block}\\b`), "*");

/** Planned tensors that live at a dispatch; each is of the block that first binds it. */
function plannedAt({ dispatches, tensors, claims }: DescribedStep, at: number): Placed[] {
  const blockOf = new Map<Tensor, number | undefined>();
  for (const { bindings, layer } of dispatches) {
    for (const { tensor } of bindings) {
      const whole = wholeOf(tensor);
      if (!blockOf.has(whole)) blockOf.set(whole, layer);
    }
  }
  return tensors.filter((_, i) => claims[i].first <= at && at <= claims[i].last)
    .map((tensor) => ({ tensor, block: blockOf.get(tensor) }));
}

/** A store as rows like a tensor's in it. */
const wholeStore = (tensor: Tensor): Tensor => {
  const { name, bytes } = tensor.home!.store;
  return { ...tensor, name, rows: Math.floor(bytes / rowBytes(tensor)) };
};

/** What stands over the whole step: parameters with their gradients and moments, and every other store as a whole. */
function standing({ dispatches, stores, parameterSet }: DescribedStep): Placed[] {
  const bound = dispatches.flatMap(({ bindings, layer }) =>
    bindings.filter(({ tensor }) => tensor.home).map(({ tensor }) => ({ tensor, layer }))
  );
  const blockOf = new Map(
    bound.flatMap(({ tensor, layer }) => layer === undefined ? [] : [[tensor.name, layer]]),
  );
  const own = parameterSet.all.flatMap(({ name, value, gradient, state: { moment1, moment2 } }) =>
    [value, gradient, moment1, moment2].filter(({ home }) => stores.includes(home!.store))
      .map((tensor) => ({ tensor, block: blockOf.get(name) }))
  );
  const told = new Set(own.map(({ tensor }) => tensor.home!.store));
  const others = new Map<unknown, Placed>();
  for (const { tensor, layer } of bound) {
    const { store } = tensor.home!;
    if (!told.has(store) && !others.has(store)) {
      others.set(store, { tensor: wholeStore(tensor), block: layer });
    }
  }
  return [...own, ...others.values()];
}
