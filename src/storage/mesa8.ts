import { instantiate } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { ClipCounter, QuantizerOptions, StoragePolicy } from "./policy.ts";
import { channelTables, quantize, rangeEstimates, updateRanges } from "./quantize.ts";
import readerText from "./quantized_reader.wgsl" with { type: "text" };

/** λ of the running estimates, the paper's. */
export const lambda = 0.9;

/** 1 − λ as f32 arithmetic has it, so that the estimates can be followed bit for bit. */
export const runningRate = Math.fround(1 - Math.fround(lambda));

/**
 * Mesa (arXiv 2111.11124): every saved tensor in 8 bits, one range for each head's channels (channel chunks where there are no heads),
 * estimated over batches. The tables that a step quantizes with are its own, so a later forward cannot disturb a pending backward.
 */
export function mesa8(options: QuantizerOptions): StoragePolicy {
  // Estimates outlive a program: programs that share this policy object share them.
  const estimatesOf = new Map<number, Tensor>();
  const clipCounters: ClipCounter[] = [];
  return {
    name: "mesa8",
    categoryOfOriginal: "transient",
    store(builder, x, { groups }, index) {
      const estimates = estimatesOf.get(index) ?? rangeEstimates(x.name, groups);
      if (!estimatesOf.has(index)) {
        estimatesOf.set(index, estimates);
        clipCounters.push({ estimates, elements: x.rows * x.cols });
      }
      const tables = channelTables(builder, x);
      const codes = builder.tensor(`${x.name} (8 bits)`, x.rows, x.cols, { category: "saved", dtype: "u8" });
      updateRanges(builder, x, estimates, tables, groups, options.ranges === "running" ? runningRate : 1);
      quantize(builder, x, tables, codes, estimates, {
        stochastic: options.rounding === "stochastic",
        stream: index,
      });
      return {
        tensor: codes,
        cost: "light",
        code: (name, group) => instantiate(readerText, name, group),
        bindings: (group, window) => [
          { group, index: 0, tensor: codes, access: "read", ...window },
          { group, index: 1, tensor: tables, access: "read" },
        ],
      };
    },
    clipCounters,
  };
}
