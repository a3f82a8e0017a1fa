import { z } from "zod";
import { adapterChoices, type AdapterReport } from "../../src/adapter/adapter.ts";
import type { DriverSurvey } from "../../src/adapter/driver_survey.ts";
import { runtimes } from "../../src/adapter/runtime.ts";
import type { MatrixConfig } from "../../src/gpu/arithmetic.ts";

const text = z.string();

const adapterSchema: z.ZodType<AdapterReport> = z.object({
  runtime: z.enum(runtimes),
  class: z.enum(["gpu", "software"]),
  name: text,
  slug: text,
  vendor: text,
  driver: text.nullable(),
  features: z.array(text),
  limits: z.record(text, z.number()).describe("WebGPU's, by name; bytes for sizes"),
});

const matrixSchema: z.ZodType<MatrixConfig> = z.object({
  M: z.int(),
  N: z.int(),
  K: z.int(),
  componentType: text,
  resultComponentType: text,
});

const surveySchema: z.ZodType<DriverSurvey> = z.object({
  cards: z.array(z.object({ vendor: z.enum(["NVIDIA", "AMD", "Intel"]), at: text })).nullable()
    .describe("null where Deno may not look"),
  deviceFiles: z.array(text),
  loader: text.nullable().describe("path of libvulkan.so.1"),
  manifests: z.array(text).describe("paths of the driver manifests"),
  nvidiaDriver: text.nullable(),
});

/** The schema of what doctor knows. */
export const machineFacts = z.object({
  deno: text,
  system: text,
  processors: z.number(),
  memory: z.object({ total: z.number(), available: z.number() }).describe("in bytes"),
  survey: surveySchema,
  nvidiaSmi: z.array(text).describe(
    "a line a card: name, driver version, memory total, memory used; or one that tells why there is none",
  ),
  nvidiaCards: z.number().describe("cards among them"),
  runtime: z.enum(runtimes).describe("what was asked for adapters"),
  runtimeFault: text.optional().describe("why it cannot be loaded"),
  choice: z.enum(adapterChoices),
  adapter: adapterSchema.nullable().describe("the adapter that answered, wanted or not"),
  matrices: z.array(matrixSchema).describe(
    "what its subgroups can multiply as one, under Dawn; empty where they have no matrices",
  ),
  swiftShader: z.object({
    runs: z.boolean(),
    folder: text,
    unpacked: z.boolean(),
    fault: text.optional().describe("why it cannot be loaded from its folder"),
  }),
});

/** Everything that doctor knows; plain data, so that the page can be tested without the machine. */
export type MachineFacts = z.infer<typeof machineFacts>;
