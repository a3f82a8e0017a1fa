import type { TokenBatch } from "../../data/batches.ts";
import { UserError } from "../../errors.ts";
import type { NamedTensors } from "./family.ts";

/** The equal parts of a tensor along its first axis. */
export function split<T extends Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(
  data: T,
  parts: number,
): T[] {
  const size = data.length / parts;
  return Array.from({ length: parts }, (_, i) => data.slice(i * size, (i + 1) * size) as T);
}

/** The token ids of a reference case's steps, checked against the model: inputs and targets, [steps, batch, sequence]; a target of −100 counts nowhere. */
export function tokenBatches(
  tensors: NamedTensors,
  config: { readonly vocab: number; readonly positions: number },
  path: string,
): { batches: TokenBatch[]; batch: number; sequence: number } {
  const tokens = (name: string) => {
    const tensor = tensors.get(name);
    if (tensor?.dtype === "I32" && tensor.shape.length === 3) return tensor;
    throw new UserError(`${path} must hold ${name} as integers of shape [steps, batch, sequence]`);
  };
  const inputs = tokens("inputs"), targets = tokens("targets");
  const [steps, batch, sequence] = inputs.shape;
  if (inputs.shape.join() !== targets.shape.join()) {
    throw new UserError(`${path} has inputs and targets of different shapes; both must be alike`);
  }
  if (sequence > config.positions) {
    throw new UserError(
      `${path} has sequences of ${sequence} tokens; the model takes at most ${config.positions}`,
    );
  }
  const known = (id: number) => id >= 0 && id < config.vocab;
  const strange = inputs.data.find((id) => !known(id)) ??
    targets.data.find((id) => id !== -100 && !known(id));
  if (strange !== undefined) {
    throw new UserError(
      `${path} holds token id ${strange}; ids must lie below the vocabulary of ${config.vocab}`,
    );
  }
  const ids = split(inputs.data, steps), next = split(targets.data, steps);
  const batches = ids.map((inputs, step) => ({ inputs: Uint32Array.from(inputs), targets: next[step] }));
  return { batches, batch, sequence };
}
