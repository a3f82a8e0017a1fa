import { policyDocument } from "../../src/storage/policies.ts";
import { parsePolicy, type PolicyDocument } from "../../src/storage/policy_document.ts";

const exact = policyDocument("exact");
const mesa8 = policyDocument("mesa8");
const token8 = policyDocument("token8");

const mesa8With = (name: string, changes: Partial<PolicyDocument>): PolicyDocument => ({
  ...mesa8,
  ...changes,
  name,
});

/** 8 bits for some kinds of tensors alone. */
const only = (
  name: string,
  tensors: PolicyDocument["rules"][number]["tensors"],
  changes: Partial<PolicyDocument> = {},
): PolicyDocument => {
  const { bits, grouping, rounding, ranges, lambda } = { ...mesa8, ...changes };
  return { ...exact, name, rules: [{ tensors, bits, grouping, rounding, ranges, lambda }] };
};

/** The policies of each ablation: `mesa8` with one choice varied, between `exact` and `token8`, what has the least error of all. */
export const ablations: Record<string, PolicyDocument[]> = {
  grouping: [
    exact,
    mesa8With("head", {}),
    mesa8With("tensor", { grouping: "tensor" }),
    mesa8With("16 channels", { grouping: { channels: 16 } }),
    mesa8With("token", { grouping: "token", ranges: "current" }),
    token8,
    only("attention: head", ["qkv", "output"]),
    only("attention: tensor", ["qkv", "output"], { grouping: "tensor" }),
  ],
  ranges: [
    exact,
    mesa8With("current", { ranges: "current" }),
    mesa8With("running 0.5", { lambda: 0.5 }),
    mesa8With("running 0.9", {}),
    mesa8With("running 0.99", { lambda: 0.99 }),
    mesa8With("running 0.9, attention again", { rules: [{ tensors: ["output"], recompute: true }] }),
    mesa8With("delayed 0.9", { ranges: "delayed" }),
    token8,
  ],
  rounding: [
    exact,
    mesa8With("8 stochastic", {}),
    mesa8With("8 nearest", { rounding: "nearest" }),
    { ...token8, name: "token8 stochastic", rounding: "stochastic" },
    token8,
    mesa8With("4 stochastic", { bits: 4 }),
    mesa8With("4 nearest", { bits: 4, rounding: "nearest" }),
  ],
  operators: [
    exact,
    only("LayerNorm", ["layer_norm"]),
    only("q, k, v", ["qkv"]),
    only("attention output", ["output"]),
    only("GELU", ["gelu"]),
    { ...only("probabilities", ["probabilities"]), attention: "materialised" },
    mesa8With("all", {}),
    token8,
  ],
  bits: [
    exact,
    policyDocument("half"),
    mesa8With("8 bits", {}),
    token8,
    mesa8With("4 bits", { bits: 4 }),
    { ...token8, name: "token4", bits: 4 },
    mesa8With("2 bits", { bits: 2 }),
    mesa8With("GELU 4, else 8", { rules: [{ tensors: ["gelu"], bits: 4 }] }),
  ],
};

/** `recompute8` with its MLP or its head in pieces, by each rule there is: what mini-sequences cost inside recomputed blocks. */
export const miniSequences: PolicyDocument[] = [
  exact,
  policyDocument("recompute8"),
  ...[
    { mlp: "auto" },
    { mlp: "paper" },
    { mlp: "code" },
    { head: 8192 },
    { head: "paper" },
    { head: "code" },
    { head_gradients: "backward" },
    { head: "code", head_gradients: "backward" },
  ].map((pieces) =>
    parsePolicy({
      ...policyDocument("recompute8"),
      name: Object.entries(pieces).map(([key, value]) => `${key.replace("_", " ")} ${value}`).join(", "),
      mini_sequences: pieces,
    }, "mini-sequences")
  ),
];
