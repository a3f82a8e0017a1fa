import { dirname } from "node:path";
import { z } from "zod";
import { attentionKey } from "../../kernels/attention/attention_shape.ts";
import { matmulKey } from "../../kernels/products/matmul_choice.ts";
import { products } from "../../kernels/products/matmul_variant.ts";
import type { AdapterReport } from "../adapter/adapter.ts";
import { cacheFolder } from "../cache_folder.ts";
import { UserError } from "../errors.ts";
import { shortDigest } from "../data/digest.ts";
import type { Arithmetic } from "../gpu/arithmetic.ts";
import { gpuWith, ProgramBuilder, type Variants } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { OperandScales } from "../gpu/operand_scales.ts";
import { replaceFile, writeFull } from "../io/files.ts";
import { tuningCase } from "./tuning_case.ts";

const schema = z.record(z.string(), z.record(z.string(), z.string()));

/** Where tuning runs are remembered. */
export const cachePath = () => `${cacheFolder()}/variants.json`;

/** What a choice is good for: the adapter, its driver, the runtime, the arithmetic, and the text of what is tuned as it is now. */
export async function cacheKey(
  { name, driver, runtime }: Pick<AdapterReport, "name" | "driver" | "runtime">,
  arithmetic: Arithmetic = "f32",
): Promise<string> {
  const digest = await shortDigest(new TextEncoder().encode(tunedTexts(arithmetic).join("\n")));
  const where = `${name}${runtime === "dawn" ? " under Dawn" : ""}, driver ${driver ?? "unknown"}`;
  return `${where}, ${arithmetic === "f32" ? "" : `${arithmetic} `}kernels ${digest}`;
}

/** The texts of all candidates of one case of each kernel that is tuned. */
function tunedTexts(arithmetic: Arithmetic): string[] {
  const shape = { batch: 1, heads: 1, sequence: 256, headSize: 64, causal: true };
  const halves = arithmetic === "f16" ? [{}, { a: true, b: true, qkv: true, d: true }] : [{}];
  const keys = halves.flatMap((halved) => [
    ...products.map((product) => matmulKey(product, { m: 256, n: 256, k: 4096 }, halved)),
    ...(["forward", "backward_query", "backward_key"] as const)
      .map((kernel) => attentionKey(kernel, shape, halved)),
  ]);
  const adapter = { ...gpuWith(typicalGpuLimits), arithmetic, scales: new OperandScales() };
  return keys.flatMap((key) => {
    const { candidates, emit } = tuningCase(key, adapter);
    return candidates.flatMap((candidate) => {
      const builder = new ProgramBuilder(key, { ...adapter, variants: { [key]: candidate } });
      emit(builder);
      return builder.build().dispatches.map(({ kernel }) => kernel.code);
    });
  });
}

/** What is remembered under a key. A file that is missing, or is no such file, remembers nothing. */
export async function readCache(path: string, key: string): Promise<Variants> {
  return (await readAll(path))[key] ?? {};
}

/**
 * Remembers more under a key, beside what the file has. The file is replaced as a whole, so that no reader finds half of it. Throws a
 * UserError if it cannot be written.
 */
export async function writeCache(path: string, key: string, variants: Variants): Promise<void> {
  const all = await readAll(path);
  const text = JSON.stringify({ ...all, [key]: { ...all[key], ...variants } }, null, 2) + "\n";
  try {
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await replaceFile(path, (file) => writeFull(file, new TextEncoder().encode(text)));
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new UserError(
      `The tuning run cannot be remembered in ${path} (${(error as Error).message}): ` +
        "set XDG_CACHE_HOME to a folder that can be written, or pass --no-tune",
    );
  }
}

async function readAll(path: string): Promise<z.infer<typeof schema>> {
  try {
    return schema.parse(JSON.parse(await Deno.readTextFile(path)));
  } catch (error) {
    const { NotFound, NotADirectory } = Deno.errors;
    const worthless = [NotFound, NotADirectory, SyntaxError, z.ZodError].some((kind) =>
      error instanceof kind
    );
    if (worthless) return {};
    throw error;
  }
}
