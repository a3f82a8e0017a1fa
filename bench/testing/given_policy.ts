import { plain } from "../../src/gpu/operand.ts";
import { padded, type Store, type Tensor } from "../../src/gpu/tensor.ts";
import type { StoragePolicy } from "../../src/storage/policy.ts";

/** A policy that stores nothing: backward reads what it is given. */
export interface GivenPolicy extends StoragePolicy {
  /** By key, where the values of what it would have stored go: rows×cols in f32. */
  readonly given: ReadonlyMap<string, Tensor>;
}

/**
 * A policy that makes again what another does, of which no tensor goes in pieces and none is stored: each is read from a place of its own,
 * which somebody else fills. Under it a device computes the gradients of values that were stored by other kernels.
 */
export function givenPolicy(policy: StoragePolicy): GivenPolicy {
  const given = new Map<string, Tensor>();
  return {
    ...policy,
    name: `${policy.name}, given`,
    miniSequences: { mlp: "whole", head: "auto", head_gradients: "forward" },
    given,
    store(_builder, { rows, cols }, _saved, key) {
      const known = given.get(key);
      if (known) return plain(known); // a program may be described more than once
      const stride = padded(cols);
      const store: Store = { name: `given ${key}`, category: "transient", bytes: 4 * rows * stride };
      const tensor: Tensor = {
        ...{ name: key, dtype: "f32", rows, cols, stride, category: "transient" },
        home: { store, offset: 0 },
      };
      given.set(key, tensor);
      return plain(tensor);
    },
  };
}
