import { materialize } from "../../kernels/shared/materialize.ts";
import { UserError } from "../errors.ts";
import type { DeviceLimits } from "../gpu/limits.ts";
import { plain } from "../gpu/operand.ts";
import { placeOf, type Tensor } from "../gpu/tensor.ts";
import { oneOf } from "../suggest.ts";
import { storeHalf } from "./half.ts";
import type { ClipCounter, SavedTensor, StoragePolicy } from "./policy.ts";
import {
  holdsFor,
  parsePolicy,
  type PolicyDocument,
  recomputes,
  refusePolicy,
  storageOf,
  type TensorStorage,
} from "./policy_document.ts";
import { mostTokenParts, storeByChannels, storeByTokens } from "./quantize.ts";
import { rangeEstimates } from "./ranges.ts";

const preset = (name: string, fields: Partial<PolicyDocument> = {}): PolicyDocument =>
  parsePolicy({ name, ...fields }, name);

/**
 * What loses least, of block inputs and of all else: a range a token has about half the gradient error of one a head, as measured, and with
 * it rounding to nearest less than stochastic rounding, which a norm after it keeps from being unbiased (docs/policies.md).
 */
const byToken = { grouping: "token", ranges: "current", rounding: "nearest" } as const;
const miniSequences = { mlp: "auto", head: "auto", head_gradients: "forward" } as const;

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
  token8: preset("token8", byToken),
  "mesa8-selective": preset("mesa8-selective", { rules: [{ tensors: ["gelu"], recompute: true }] }),
  recompute: preset("recompute", { bits: 32, recompute: true }),
  recompute8: preset("recompute8", { ...byToken, recompute: true }),
  // Mini-sequence training (Luo et al., arXiv 2407.15892): recomputed blocks, and no tensor as wide as the MLP or the vocabulary.
  mst: preset("mst", { bits: 32, recompute: true, mini_sequences: miniSequences }),
  mst8: preset("mst8", { ...byToken, recompute: true, mini_sequences: miniSequences }),
} as const;

/** Every preset's name. */
export const policyNames = Object.keys(policyPresets) as (keyof typeof policyPresets)[];

/** The preset of that name. Throws a UserError with the nearest name if there is none. */
export function policyDocument(name: string): PolicyDocument {
  return policyPresets[oneOf("policy", name, policyNames)];
}

/**
 * A policy that does what a document says, with state of its own: range estimates outlive a program, and programs that share a policy
 * share them. Throws a UserError if the document contradicts itself; its `store`, if a tensor's channels cannot be grouped as it says.
 */
export function createPolicy(document: PolicyDocument): StoragePolicy {
  const { name, attention, reuse } = document;
  refusePolicy(document, `Policy "${name}"`);
  const itself = new WeakSet<Tensor>();
  const streams = new Map<string, number>();
  const estimatesOf = new Map<string, Tensor>();
  const clipCounters: ClipCounter[] = [];
  const idle = new Set(document.rules.keys());

  /** Notes which rules hold for what is asked after. */
  function asked<Saved extends SavedTensor>(saved: Saved): Saved {
    for (const i of idle) if (holdsFor(document.rules[i], saved)) idle.delete(i);
    return saved;
  }

  function streamOf(key: string): number {
    if (!streams.has(key)) streams.set(key, streams.size);
    return streams.get(key)!;
  }

  function estimatesFor(key: string, x: Tensor, groups: number): Tensor {
    const known = estimatesOf.get(key);
    if (known?.rows === groups + 1) return known;
    if (known) throw new Error(`${key} has ${groups} groups here, and ${known.rows - 1} in another program`);
    const estimates = rangeEstimates(key, groups);
    estimatesOf.set(key, estimates);
    clipCounters.push({ estimates, elements: x.rows * x.cols });
    return estimates;
  }

  return {
    name,
    document,
    attention,
    reuse,
    clipCounters,
    miniSequences: document.mini_sequences,
    categoryOf: (saved) => storageOf(document, saved).bits === 32 ? categoryOfKind(saved) : "transient",
    recomputes: (saved) => recomputes(document, asked(saved)),
    get idleRules() {
      return [...idle];
    },
    store(builder, given, saved, key) {
      asked(saved);
      const stream = streamOf(key);
      const x = { ...placeOf(given), name: key }; // what is kept is called by its key
      const { bits, grouping, rounding, ranges, lambda } = storageOf(document, saved);
      const category = categoryOfKind(saved);
      if (bits === 32) {
        if (x.category === category && !itself.has(given)) {
          itself.add(given);
          return plain(given);
        }
        const copy = builder.tensor(`${key} (f32)`, x.rows, x.cols, { category });
        materialize(builder, plain(x), copy);
        return plain(copy);
      }
      if (bits === 16) return storeHalf(builder, x, category);
      const encoding = { bits, rounding, stream, category };
      const parts = partsOf(name, x, saved, grouping, builder.limits);
      if (parts) return storeByTokens(builder, x, parts, encoding);
      const estimates = estimatesFor(key, x, groupsOf(name, x, saved, grouping));
      return storeByChannels(builder, x, estimates, { ...encoding, ranges, lambda });
    },
  };
}

type Grouping = TensorStorage["grouping"];

/** What is kept of activations, and of blocks that are made again from their inputs. */
function categoryOfKind({ kind }: SavedTensor): "saved" | "inputs" {
  return kind === "block_input" ? "inputs" : "saved";
}

/** Tensors side by side in x, and the channels of each. */
function sidesOf({ name, cols }: Tensor, { parts = 1 }: SavedTensor): { sides: number; channels: number } {
  if (cols % parts === 0) return { sides: parts, channels: cols / parts };
  throw new RangeError(`${parts} parts do not divide the ${cols} channels of ${name}`);
}

/** Parts of a row that have a range each; undefined where ranges go over rows. */
function partsOf(
  policy: string,
  x: Tensor,
  saved: SavedTensor,
  grouping: Grouping,
  limits: DeviceLimits,
): number | undefined {
  if (typeof grouping === "object" && "token_channels" in grouping) {
    const parts = wholeGroups(policy, x, saved, grouping.token_channels);
    const most = mostTokenParts(limits);
    if (parts <= most) return parts;
    const { channels } = sidesOf(x, saved);
    let least = Math.ceil(x.cols / most);
    while (channels % least > 0) least++;
    throw new UserError(
      `Policy "${policy}": a token of ${x.name} has ${parts} ranges, of which a workgroup holds ${most}; give token_channels of at least ${least}`,
    );
  }
  return grouping === "token" ? sidesOf(x, saved).sides : undefined;
}

/** Groups of x's channels that share a range each, over all rows. */
function groupsOf(policy: string, x: Tensor, saved: SavedTensor, grouping: Grouping): number {
  const { sides, channels } = sidesOf(x, saved);
  if (typeof grouping === "object" && "channels" in grouping) {
    return wholeGroups(policy, x, saved, grouping.channels);
  }
  if (grouping === "tensor") return sides;
  const groups = sides * saved.heads;
  if (channels % saved.heads === 0) return groups;
  throw new RangeError(`${groups} groups do not divide the ${x.cols} channels of ${x.name}`);
}

/** Groups of so many neighbouring channels. */
function wholeGroups(policy: string, x: Tensor, saved: SavedTensor, size: number): number {
  const { channels } = sidesOf(x, saved);
  if (channels % size === 0) return x.cols / size;
  throw new UserError(
    `Policy "${policy}": groups of ${size} channels do not divide the ${channels} of ${x.name}; ` +
      `give a divisor of them, or a rule with another grouping for ${saved.kind} tensors`,
  );
}
