/** `deno task doctor`: which adapter would run, why, and what to install for a better one. */

import prettyBytes from "pretty-bytes";
import { z } from "zod";
import {
  type AdapterChoice,
  adapterChoice,
  adapterChoices,
  type AdapterReport,
  askForAdapter,
  isWanted,
  noAdapterMessage,
} from "../../src/adapter/adapter.ts";
import { isFetched, unfetched } from "../../src/adapter/dawn_package.ts";
import { currentRuntime, type Runtime, runtimes, useRuntime } from "../../src/adapter/runtime.ts";
import { driverRemedy, type DriverSurvey, surveyDrivers } from "../../src/adapter/driver_survey.ts";
import {
  isUnpacked,
  loadSwiftShader,
  swiftShaderFolder,
  swiftShaderRuns,
} from "../../src/adapter/swiftshader.ts";
import { type MatrixConfig, matrixConfigs } from "../../src/gpu/device.ts";
import { UserError } from "../../src/errors.ts";
import { programOutput } from "../../src/io/program_output.ts";
import { type AdapterOptions, needsSwiftShader } from "./start.ts";

/** The version of Deno that the project is tested with. */
const testedDeno = "2.9.6";

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

const machineFacts = z.object({
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

/** What `doctor --json` prints. */
export const diagnosis = z.object({
  runs: z.boolean().describe("whether the next command has an adapter to run on"),
  wanted: text.nullable().describe("the name of the wanted adapter; null where none answers"),
  why: text,
  advice: z.array(text).describe("what to do"),
  ...machineFacts.shape,
}).meta({ title: "Diagnosis", description: "Which adapter would run, and why" });

export type Diagnosis = z.infer<typeof diagnosis>;

/**
 * What doctor found, and the page that tells it. Downloads nothing; where SwiftShader is what remains and lies unpacked, it is loaded, so
 * that its limits can be shown.
 *
 * @param options.requireGpu whether only a hardware GPU will do
 * @param options.runtime what to ask for adapters
 */
export async function doctor(
  { requireGpu = false, runtime }: Partial<AdapterOptions> = {},
): Promise<{ page: string; found: Diagnosis }> {
  if (runtime) useRuntime(runtime);
  const facts = await gatherFacts(requireGpu ? "gpu" : adapterChoice());
  return { page: describeMachine(facts), found: diagnose(facts) };
}

/** What the facts of one machine mean. */
export function diagnose(facts: MachineFacts): Diagnosis {
  const wanted = wantedAdapter(facts);
  return {
    runs: canRun(facts),
    wanted: wanted?.name ?? null,
    why: reason(facts, wanted),
    advice: advice(facts, wanted),
    ...facts,
  };
}

/** Whether the adapter that is wanted answers, or the next command brings it. */
export function canRun(facts: MachineFacts): boolean {
  return wantedAdapter(facts) !== null || swiftShaderComes(facts);
}

function wantedAdapter({ adapter, choice }: MachineFacts): AdapterReport | null {
  return adapter && isWanted(choice, adapter) ? adapter : null;
}

function swiftShaderComes({ runtimeFault, choice, adapter, swiftShader }: MachineFacts): boolean {
  const works = swiftShader.runs && (runtimeFault ?? swiftShader.fault) === undefined;
  return works && (choice === "swiftshader" || choice === "auto" && !adapter);
}

async function gatherFacts(choice: AdapterChoice): Promise<MachineFacts> {
  const survey = await surveyDrivers(); // first: SwiftShader, once loaded, looks like an installed driver
  const swiftShader = await lookAtSwiftShader();
  const runtimeFault = await runtimeFaultOf();
  if (!runtimeFault && swiftShader.unpacked && await needsSwiftShader(choice)) {
    loadSwiftShader(swiftShader.folder);
  }
  const found = runtimeFault ? null : await askForAdapter(choice);
  const adapter = found && { ...found.report, features: await grantedFeatures(found) };
  const { total, available } = Deno.systemMemoryInfo();
  return {
    deno: Deno.version.deno,
    system: `${Deno.build.os} ${Deno.build.arch}${await distribution()}`,
    processors: navigator.hardwareConcurrency,
    memory: { total, available },
    survey,
    ...await askNvidiaSmi(),
    runtime: currentRuntime(),
    ...runtimeFault && { runtimeFault },
    choice,
    adapter,
    matrices: found ? matrixConfigs(found.adapter) : [],
    swiftShader,
  };
}

/** Why the runtime cannot be loaded, if so. */
async function runtimeFaultOf(): Promise<string | undefined> {
  try {
    if (currentRuntime() === "dawn" && !await isFetched()) return unfetched;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message;
  }
}

async function lookAtSwiftShader(): Promise<MachineFacts["swiftShader"]> {
  const runs = swiftShaderRuns();
  let folder = "none";
  try {
    folder = swiftShaderFolder();
    return { runs, folder, unpacked: runs && await isUnpacked(folder) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { runs, folder, unpacked: false, fault: error.message };
  }
}

/** The page of one machine: a name and a value a line, then what to do. */
export function describeMachine(facts: MachineFacts): string {
  const { survey, swiftShader, choice } = facts;
  const wanted = wantedAdapter(facts);
  const rows: [string, string][] = [
    ["Deno", facts.deno + (facts.deno === testedDeno ? "" : ` (tested with ${testedDeno})`)],
    ["System", facts.system],
    ["Processors", String(facts.processors)],
    ["Memory", `${bytes(facts.memory.total)}, ${bytes(facts.memory.available)} available`],
    ...several(
      "GPU",
      survey.cards?.map((card) => `${card.vendor} at ${card.at}`) ?? ["unknown"],
      "none found",
    ),
    ...several("nvidia-smi", facts.nvidiaSmi, "no answer"),
    ...whichCard(facts),
    ["Vulkan loader", survey.loader ?? "none found"],
    ...several("Vulkan drivers", survey.manifests, "none found"),
    [
      "SwiftShader",
      swiftShader.fault ??
        `${swiftShader.unpacked ? "unpacked in" : "not unpacked; cache folder"} ${swiftShader.folder}`,
    ],
    ["Runtime", runtimeNames[facts.runtime]],
    ["Wanted", wantedBy[choice]],
    ["Adapter", wanted?.name ?? comingAdapter(facts)],
    ["Why", reason(facts, wanted)],
  ];
  if (wanted) rows.push(...adapterRows(wanted));
  if (wanted?.runtime === "dawn") rows.push(["Matrices", describeMatrices(facts.matrices)]);
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => (name.padEnd(width) + value).trimEnd());
  return [...lines, ...advice(facts, wanted).map((sentence) => `\n${sentence}`)].join("\n");
}

/**
 * Which card of how many a run takes, where there are several. What is hidden by a cgroup still has its file in /dev, but `nvidia-smi` lists it
 * no more; without `nvidia-smi` the files count.
 */
function whichCard({ survey: { cards, deviceFiles }, nvidiaCards }: MachineFacts): [string, string][] {
  const files = deviceFiles.filter((path) => /\/nvidia\d+$/.test(path));
  const onBus = cards?.filter(({ vendor }) => vendor === "NVIDIA").length ?? 0;
  const others = (cards?.length ?? 0) - onBus;
  const open = nvidiaCards || files.length;
  const all = Math.max(open, onBus, files.length) + others;
  if (all <= 1) return [];
  if (open + others === 1) {
    const name = files.length === 1 ? files[0] : "the one that nvidia-smi lists";
    return [["Taken", `${name}, of ${all}; the others are hidden`]];
  }
  const seen = files.length > 0 ? `; ${files.join(", ")}` : "";
  return [["Taken", `the first that Vulkan lists, of ${open + others}${seen}`]];
}

const wantedBy: Record<AdapterChoice, string> = {
  auto: "any adapter, a hardware GPU first",
  gpu: "gpu (HEADROOM_ADAPTER or --require-gpu)",
  llvmpipe: "llvmpipe (HEADROOM_ADAPTER)",
  swiftshader: "swiftshader (HEADROOM_ADAPTER)",
};

const runtimeNames: Record<Runtime, string> = {
  native: "native, Deno's own; --runtime dawn asks Dawn, from npm",
  dawn: "dawn, from npm (HEADROOM_RUNTIME or --runtime)",
};

/** "16 × 16 × 16 f16 to f16 or f32": sizes and elements of what subgroups multiply as one. */
function describeMatrices(configs: readonly MatrixConfig[]): string {
  const kinds = Map.groupBy(
    configs,
    ({ M, N, K, componentType }) => `${M} × ${N} × ${K} ${componentType}`,
  );
  const told = [...kinds].map(([kind, results]) =>
    `${kind} to ${results.map(({ resultComponentType }) => resultComponentType).join(" or ")}`
  );
  return told.join(", ") || "none: subgroups have no tensor cores here, so products are f32's, as natively";
}

function adapterRows(
  { class: adapterClass, vendor, driver, limits, features }: AdapterReport,
): [string, string][] {
  const state = (name: string) => `${name} ${features.includes(name) ? "yes" : "no"}`;
  return [
    ["Class", adapterClass === "gpu" ? "hardware GPU" : "software adapter: not a performance result"],
    ["Vendor", vendor],
    ...(driver ? [["Driver", driver] as [string, string]] : []),
    ["Largest buffer", bytes(limits.maxBufferSize)],
    ["Largest binding", bytes(limits.maxStorageBufferBindingSize)],
    ["Storage buffers", `${limits.maxStorageBuffersPerShaderStage} a kernel`],
    [
      "Workgroup",
      `${limits.maxComputeInvocationsPerWorkgroup} invocations, ${
        bytes(limits.maxComputeWorkgroupStorageSize)
      } memory`,
    ],
    ["Features", ["timestamp-query", "shader-f16", "subgroups"].map(state).join(", ")],
  ];
}

/** What the next command would do where no wanted adapter answers. */
function comingAdapter(facts: MachineFacts): string {
  return swiftShaderComes(facts) ? "SwiftShader, which the next command unpacks from npm (67 MB)" : "none";
}

function reason(
  { runtime, runtimeFault, choice, adapter }: MachineFacts,
  wanted: AdapterReport | null,
): string {
  if (runtimeFault) return "the runtime cannot be loaded";
  const under = runtime === "dawn" ? " Dawn" : "";
  if (choice !== "auto") {
    return wanted
      ? "as wanted"
      : adapter
      ? `only ${adapter.name} answers`
      : `no Vulkan driver answers${under}`;
  }
  if (!wanted) return `no Vulkan driver answers${under}`;
  if (wanted.class === "gpu") return "a hardware GPU answers";
  if (wanted.slug === "swiftshader") return `no installed Vulkan driver answers${under}`;
  return "no hardware GPU answers, this software adapter is installed";
}

function advice(facts: MachineFacts, wanted: AdapterReport | null): string[] {
  const { survey, runtime, runtimeFault, choice, adapter, swiftShader } = facts;
  if (runtimeFault) return [`${runtimeFault}.`];
  const sentences: string[] = [];
  const idle = wanted?.class !== "gpu" && driverRemedy(survey);
  if (idle) sentences.push(`For results that count: ${idle}.`);
  if (!wanted && (choice !== "auto" && choice !== "swiftshader" || !swiftShader.runs)) {
    sentences.push(`${noAdapterMessage(choice, adapter, survey, runtime)}.`);
  }
  if (wanted?.class === "gpu" && whichCard(facts)[0]?.[1].startsWith("the first")) {
    sentences.push(
      "To take another card, hide the others from the process: docs/many-machines.md says how (CUDA_VISIBLE_DEVICES does nothing).",
    );
  }
  const slow = choice === "auto" && (wanted?.slug === "swiftshader" || !wanted && swiftShader.runs);
  if (slow) {
    sentences.push(
      runtime === "dawn"
        ? "For a software adapter that is faster and has matrices: run by .ci/lavapipe, which brings Mesa 26's."
        : "For a software adapter several times faster: apt install libvulkan1 mesa-vulkan-drivers (Debian, Ubuntu).",
    );
  }
  return sentences;
}

/** "subgroups" is granted without being listed: only asking for it tells. */
async function grantedFeatures(
  { adapter, report }: { adapter: GPUAdapter; report: AdapterReport },
): Promise<string[]> {
  const subgroups = "subgroups" as GPUFeatureName;
  try {
    const device = await adapter.requestDevice({ requiredFeatures: [subgroups] });
    const granted = device.features.has(subgroups);
    device.destroy();
    return granted ? [...new Set([...report.features, subgroups])].sort() : report.features;
  } catch {
    return report.features;
  }
}

async function askNvidiaSmi(): Promise<Pick<MachineFacts, "nvidiaSmi" | "nvidiaCards">> {
  const query = "name,driver_version,memory.total,memory.used";
  const output = await programOutput("nvidia-smi", [`--query-gpu=${query}`, "--format=csv,noheader"]);
  if (output.text === null) return { nvidiaSmi: [silence[output.why]], nvidiaCards: 0 };
  const cards = output.text.split("\n").map(describeCard).filter((line) => line !== null);
  return { nvidiaSmi: cards, nvidiaCards: cards.length };
}

const silence = {
  missing: "not installed",
  forbidden: "Deno may not run it",
  failed: "it fails",
  late: "it hangs",
};

function describeCard(line: string): string | null {
  const [name, driver, total, used, ...more] = line.split(", ");
  return used && more.length === 0 ? `${name}, driver ${driver}, ${total}, ${used} in use` : null;
}

async function distribution(): Promise<string> {
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  const name = release.match(/^PRETTY_NAME="?([^"\n]*)/m)?.[1];
  return name ? `, ${name}` : `, ${Deno.osRelease()}`;
}

/** One row a value, the name in the first only. */
function several(name: string, values: string[], none: string): [string, string][] {
  return (values.length > 0 ? values : [none]).map((value, index) => [index === 0 ? name : "", value]);
}

function bytes(count: number): string {
  return prettyBytes(count, { binary: true });
}
