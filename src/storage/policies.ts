import { materialize } from "../../kernels/shared/materialize.ts";
import { UserError } from "../errors.ts";
import { plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { oneOf } from "../suggest.ts";
import { storeHalf } from "./half.ts";
import type { ClipCounter, SavedTensor, StoragePolicy } from "./policy.ts";
import {
  parsePolicy,
  type PolicyDocument,
  refuseContradictions,
  storageOf,
  type TensorStorage,
} from "./policy_document.ts";
import { storeByChannels, storeByTokens } from "./quantize.ts";
import { rangeEstimates } from "./ranges.ts";

const preset = (name: string, fields: Partial<PolicyDocument> = {}): PolicyDocument =>
  parsePolicy({ name, ...fields }, name);

/** The policies that have names, the reference first. What they leave out is Mesa's (arXiv 2111.11124). */
export const policyPresets = {
  exact: preset("exact", { bits: 32 }),
  half: preset("half", { bits: 16 }),
  mesa8: preset("mesa8"),
  // What the authors' code stores, including what it need not.
  "mesa8-paper": preset("mesa8-paper", { attention: "materialised", reuse: false }),
  mesa4: preset("mesa4", { bits: 4 }),
  mesa2: preset("mesa2", { bits: 2 }),
  tensor8: preset("tensor8", { grouping: "tensor" }),
} as const;

/** Every preset's name. */
export const policyNames = Object.keys(policyPresets) as (keyof typeof policyPresets)[];

/** The preset of that name. Throws a UserError with the nearest name if there is none. */
export function policyDocument(name: string): PolicyDocument {
  return policyPresets[oneOf("policy", name, policyNames)];
}

/**
 * The preset of that name with `overrides` at its top level, and state of its own. How tensors are quantized changes only where they are.
 * Throws a UserError as `policyDocument` and `createPolicy` do.
 */
export function policyNamed(
  name: string,
  overrides: Partial<TensorStorage & Pick<PolicyDocument, "attention">> = {},
): StoragePolicy {
  const document = policyDocument(name);
  const { attention = document.attention, bits = document.bits, ...quantizing } = overrides;
  const given = Object.entries(bits < 16 ? quantizing : {}).filter(([, value]) => value !== undefined);
  return createPolicy({ ...document, attention, bits, ...Object.fromEntries(given) });
}

/**
 * A policy that does what a document says, with state of its own: range estimates outlive a program, and programs that share a policy
 * share them. Throws a UserError if the document contradicts itself; its `store`, if a tensor's channels cannot be grouped as it says.
 */
export function createPolicy(document: PolicyDocument): StoragePolicy {
  const { name, attention, reuse } = document;
  refuseContradictions(document, `Policy "${name}"`);
  const kept = new WeakSet<Tensor>();
  const estimatesOf = new Map<number, Tensor>();
  const clipCounters: ClipCounter[] = [];

  function estimatesFor(index: number, x: Tensor, groups: number): Tensor {
    const known = estimatesOf.get(index);
    if (known) return known;
    const estimates = rangeEstimates(x.name, groups);
    estimatesOf.set(index, estimates);
    clipCounters.push({ estimates, elements: x.rows * x.cols });
    return estimates;
  }

  return {
    name,
    document,
    attention,
    reuse,
    clipCounters,
    categoryOf: (saved) => storageOf(document, saved).bits === 32 ? "saved" : "transient",
    store(builder, x, saved, index) {
      const { bits, grouping, rounding, ranges, lambda } = storageOf(document, saved);
      if (bits === 32) {
        if (x.category === "saved" && !kept.has(x)) {
          kept.add(x);
          return plain(x);
        }
        const copy = builder.tensor(`${x.name} (f32)`, x.rows, x.cols, { category: "saved" });
        materialize(builder, plain(x), copy);
        return plain(copy);
      }
      if (bits === 16) return storeHalf(builder, x);
      const encoding = { bits, rounding, stream: index };
      if (grouping === "token") return storeByTokens(builder, x, partsOf(x, saved), encoding);
      const estimates = estimatesFor(index, x, groupsOf(name, x, saved, grouping));
      return storeByChannels(builder, x, estimates, { ...encoding, ranges, lambda });
    },
  };
}

/** Tensors side by side in x. */
function partsOf({ name, cols }: Tensor, { parts = 1 }: SavedTensor): number {
  if (cols % parts !== 0) {
    throw new RangeError(`${parts} parts do not divide the ${cols} channels of ${name}`);
  }
  return parts;
}

/** Groups of x's channels that share a range each. */
function groupsOf(
  policy: string,
  x: Tensor,
  saved: SavedTensor,
  grouping: Exclude<TensorStorage["grouping"], "token">,
): number {
  const parts = partsOf(x, saved);
  if (grouping === "tensor") return parts;
  const channels = x.cols / parts;
  if (grouping === "head") {
    const groups = parts * saved.heads;
    if (channels % saved.heads === 0) return groups;
    throw new RangeError(`${groups} groups do not divide the ${x.cols} channels of ${x.name}`);
  }
  if (channels % grouping.channels === 0) return x.cols / grouping.channels;
  throw new UserError(
    `Policy "${policy}": groups of ${grouping.channels} channels do not divide the ${channels} of ${x.name}; ` +
      `give a divisor of them, or a rule with another grouping for ${saved.kind} tensors`,
  );
}
