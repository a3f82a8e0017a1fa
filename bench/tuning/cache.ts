import { z } from "zod";
import { attentionVariants } from "../../kernels/attention.ts";
import {
  attentionBackwardKeyText,
  attentionBackwardQueryText,
} from "../../kernels/attention_backward_template.ts";
import { attentionForwardText } from "../../kernels/attention_forward_template.ts";
import { tiledVariants } from "../../kernels/matmul_table.ts";
import { matmulText } from "../../kernels/matmul_template.ts";
import { shortDigest } from "../../src/data/digest.ts";
import type { Variants } from "../../src/gpu/builder.ts";

const schema = z.record(z.string(), z.record(z.string(), z.string()));

/** Where tuning runs are remembered: in the user's folder for caches; undefined where there is none. */
export function cachePath(): string | undefined {
  const home = Deno.env.get("HOME");
  const folder = Deno.env.get("XDG_CACHE_HOME") ?? Deno.env.get("LOCALAPPDATA") ?? (home && `${home}/.cache`);
  return folder && `${folder}/headroom/variants.json`;
}

/** What a choice is good for: the adapter, its driver, and the kernels' text as it is now. */
export async function cacheKey({ name, driver }: { name: string; driver: string | null }): Promise<string> {
  const gpu = { adapterClass: "gpu", subgroupSize: 32 } as const;
  const [attention] = attentionVariants("forward", { headSize: 64, causal: true, sequence: 1024 }, gpu);
  const texts = [
    ...tiledVariants.flatMap((v) => (["nn", "nt", "tn"] as const).map((p) => matmulText(p, v, false))),
    ...[attentionForwardText, attentionBackwardQueryText, attentionBackwardKeyText].map((text) =>
      text(attention)
    ),
  ];
  const digest = await shortDigest(new TextEncoder().encode(texts.join("\n")));
  return `${name}, driver ${driver ?? "unknown"}, kernels ${digest}`;
}

/** What is remembered under a key. A file that is missing, or is no such file, remembers nothing. */
export async function readCache(path: string, key: string): Promise<Variants> {
  return (await readAll(path))[key] ?? {};
}

/** Remembers more under a key, beside what the file has. The file is replaced as a whole, so that no reader finds half of it. */
export async function writeCache(path: string, key: string, variants: Variants): Promise<void> {
  const all = await readAll(path);
  const text = JSON.stringify({ ...all, [key]: { ...all[key], ...variants } }, null, 2);
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  const draft = `${path}.${Deno.pid}`;
  await Deno.writeTextFile(draft, text + "\n");
  await Deno.rename(draft, path);
}

async function readAll(path: string): Promise<z.infer<typeof schema>> {
  try {
    return schema.parse(JSON.parse(await Deno.readTextFile(path)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    if (error instanceof SyntaxError || error instanceof z.ZodError) return {};
    throw error;
  }
}
