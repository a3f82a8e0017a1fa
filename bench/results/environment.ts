import { z } from "zod";
import { type Runtime, runtimes } from "../../src/adapter/runtime.ts";
import { positive } from "./numbers.ts";

/** The schema of the machine and the program's version. */
export const environment = z.object({
  adapter: z.string(),
  adapterClass: z.enum(["gpu", "software"]).describe("a software adapter's times are no performance result"),
  driver: z.string().nullable(),
  runtime: z.enum(runtimes).optional().describe("what executed WebGPU; left out: native, Deno's own"),
  deno: z.string(),
  os: z.string(),
  cpu: z.string(),
  cores: positive,
  memoryBytes: positive,
  commit: z.string().nullable().describe("null outside a git checkout"),
  dirty: z.boolean().nullable().describe("whether tracked files differ from the commit"),
});

/** The machine and the program's version. */
export type Environment = z.infer<typeof environment>;

/** What executed WebGPU where a record was made. */
export const runtimeOf = ({ runtime }: { readonly runtime?: Runtime }): Runtime => runtime ?? "native";

/** The adapter as reports name it, with its runtime where that is not Deno's own: speeds of the two are of two machines. */
export const adapterTitle = (of: { readonly adapter: string; readonly runtime?: Runtime }): string =>
  runtimeOf(of) === "dawn" ? `${of.adapter} under Dawn` : of.adapter;
