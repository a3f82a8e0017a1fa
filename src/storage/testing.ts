import type { Program } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { createPolicy, policyDocument } from "./policies.ts";
import type { StoragePolicy } from "./policy.ts";
import type { PolicyDocument, TensorStorage } from "./policy_document.ts";

/** The number of elements that the clamp changed when the tensor of these estimates was last stored. */
export async function readClipped(program: Program, estimates: Tensor): Promise<number> {
  return new Uint32Array(await program.read(estimates))[(estimates.rows - 1) * estimates.stride];
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
