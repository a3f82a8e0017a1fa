import { UserError } from "../../src/errors.ts";
import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { knownVariants, likelyChoices, type MatmulChoice, mostSplits, type Sizes } from "./matmul_table.ts";
import { type Product, type ScaledOperands, variantName } from "./matmul_variant.ts";

/**
 * What a product is called in variants' files: `matmul nn 4096×2304×768`, or of scaled halves `matmul nn 4096×2304×768 halved ab`, for tiles that load
 * half the bytes may have another best size.
 */
export const matmulKey = (product: Product, { m, n, k }: Sizes, { a, b }: ScaledOperands = {}): string =>
  `matmul ${product} ${m}×${n}×${k}${a || b ? ` halved ${a ? "a" : ""}${b ? "b" : ""}` : ""}`;

/** The product of such a key; undefined if it is another kernel's. */
export function parseMatmulKey(
  key: string,
): { product: Product; sizes: Sizes; scaled: ScaledOperands } | undefined {
  const [, product, ...rest] = key.match(/^matmul (nn|nt|tn) (\d+)×(\d+)×(\d+)(?: halved (a?)(b?))?$/) ?? [];
  if (!product) return undefined;
  const [m, n, k] = rest.slice(0, 3).map(Number);
  const [a, b] = rest.slice(3);
  return {
    product: product as Product,
    sizes: { m, n, k },
    scaled: { ...a && { a: true }, ...b && { b: true } },
  };
}

/** The name of a choice: its variant's, and the parts if there are several. */
export function choiceName({ variant, splits }: MatmulChoice): string {
  return variantName(variant) + (splits > 1 ? `/${splits}` : "");
}

/** How a product is computed: as the builder's variants say, else as `likelyChoices` has it. Throws a UserError for a name it does not know. */
export function matmulChoice(
  builder: ProgramBuilder,
  product: Product,
  sizes: Sizes,
  scaled?: ScaledOperands,
): MatmulChoice {
  const key = matmulKey(product, sizes, scaled);
  const [likeliest] = likelyChoices(builder, sizes);
  const name = builder.variantFor(key, choiceName(likeliest));
  if (name === choiceName(likeliest)) return likeliest;
  const [, base, parts = "1"] = name.match(/^([^/]+)(?:\/(\d+))?$/) ?? [];
  const known = knownVariants(builder);
  const variant = known.find((v) => variantName(v) === base);
  const splits = Number(parts);
  if (!variant || splits < 1 || splits > mostSplits) {
    throw new UserError(
      `No variant "${name}" of "${key}" in this version, or on this adapter: take one of ${
        known.map(variantName).join(", ")
      }, ` +
        `with /2 to /${mostSplits} for so many parts, or leave it out`,
    );
  }
  return { variant, splits };
}
