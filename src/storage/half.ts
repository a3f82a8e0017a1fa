import { instantiate } from "../gpu/operand.ts";
import readerText from "./half_reader.wgsl" with { type: "text" };
import storeText from "./half_store.wgsl" with { type: "text" };
import type { StoragePolicy } from "./policy.ts";

/** Keeps every saved tensor in 16 bits (IEEE half precision, saturating). Needs no feature of the adapter. */
export function half(): StoragePolicy {
  return {
    name: "half",
    categoryOfOriginal: "transient",
    store(builder, x) {
      const halves = builder.tensor(`${x.name} (f16)`, x.rows, x.cols, { category: "saved", dtype: "f16" });
      for (const window of builder.windows([x])) {
        const vectors = window.rows * x.stride / 4;
        builder.dispatch({
          kernel: { label: "half_store", code: storeText },
          bindings: [
            { group: 0, index: 1, tensor: x, access: "read", ...window },
            { group: 0, index: 2, tensor: halves, access: "write", ...window },
          ],
          parameters: [vectors],
          workgroups: Math.ceil(vectors / 64),
          flops: 4 * vectors,
        });
      }
      return {
        tensor: halves,
        cost: "light",
        code: (name, group) => instantiate(readerText, name, group),
        bindings: (group, window) => [{ group, index: 0, tensor: halves, access: "read", ...window }],
      };
    },
    clipCounters: [],
  };
}
