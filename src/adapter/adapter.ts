/** The choice of the WebGPU adapter, and what is told about it. */

import { UserError } from "../errors.ts";
import { oneOf } from "../suggest.ts";
import { driverRemedy, type DriverSurvey, nvidiaDriver, surveyDrivers } from "./driver_survey.ts";
import { readVariable, setVariable } from "../environment_variables.ts";
import { adapterNames, dawnGpu, forgetDrivers, nameOf } from "./dawn.ts";
import { currentRuntime, type Runtime, webgpu } from "./runtime.ts";

/** What a run says about its adapter; plain data, kept with every result. */
export interface AdapterReport {
  /** What executes WebGPU on it. */
  runtime: Runtime;
  /** A software adapter computes on the processor: its results are right, its times mean nothing. */
  class: "gpu" | "software";
  /** The driver's name for the device, such as "NVIDIA H200" or "llvmpipe (LLVM 15.0.6, 256 bits)". */
  name: string;
  /** The name fit for a folder: "nvidia-h200", "llvmpipe", "swiftshader". */
  slug: string;
  /** Who makes the device, or the number that the driver gives. */
  vendor: string;
  /** What is known of the driver, such as "NVIDIA 580.95"; null where the system does not tell. */
  driver: string | null;
  /** WebGPU feature names, sorted. "subgroups" may be granted by `requestDevice` without being among them. */
  features: string[];
  /** WebGPU limits by name; bytes for sizes. */
  limits: Record<string, number>;
}

/** Which adapter the user wants; `auto` takes a hardware GPU, else an installed software adapter, else SwiftShader. */
export const adapterChoices = ["auto", "gpu", "llvmpipe", "swiftshader"] as const;
export type AdapterChoice = typeof adapterChoices[number];

/** No adapter of the wanted kind answers. */
export class NoAdapterError extends UserError {}

/** Environment variables that the choice reads; a child process with few permissions needs `--allow-env` for these. */
export const adapterVariables = [
  "HEADROOM_ADAPTER",
  "HEADROOM_RUNTIME",
  "NODEVICE_SELECT",
  "DENO_WEBGPU_BACKEND",
];

/** The value of `HEADROOM_ADAPTER`; throws a UserError for a word that is none of {@linkcode adapterChoices}. */
export function adapterChoice(value: string = readVariable("HEADROOM_ADAPTER") ?? ""): AdapterChoice {
  return value === "" ? "auto" : oneOf("HEADROOM_ADAPTER", value.toLowerCase(), adapterChoices);
}

/**
 * Asks for the adapter that the user wants.
 *
 * @param options.requireGpu accept a hardware GPU only, whatever `HEADROOM_ADAPTER` says
 * @throws {NoAdapterError} when no such adapter answers, naming what to install
 */
export async function chooseAdapter(
  { requireGpu = false }: { requireGpu?: boolean } = {},
): Promise<{ adapter: GPUAdapter; report: AdapterReport }> {
  const choice = requireGpu ? "gpu" : adapterChoice();
  const found = await askForAdapter(choice);
  if (found && isWanted(choice, found.report)) return found;
  throw new NoAdapterError(noAdapterMessage(choice, found?.report ?? null, await surveyDrivers()));
}

/** Whatever adapter the runtime gives first for a choice, or null; the caller compares it with {@linkcode isWanted}. */
export async function askForAdapter(
  choice: AdapterChoice,
): Promise<{ adapter: GPUAdapter; report: AdapterReport } | null> {
  prepareVulkan();
  const adapter = choice === "llvmpipe" || choice === "swiftshader"
    ? await softwareAdapter(choice)
    // Without a power preference the runtime takes the first driver of the list; with it, hardware sorts before software.
    : await webgpu().requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  return adapter && { adapter, report: await reportAdapter(adapter) };
}

async function softwareAdapter(slug: string): Promise<GPUAdapter | null> {
  if (currentRuntime() === "native") {
    return await webgpu().requestAdapter({ forceFallbackAdapter: true }).catch(() => null);
  }
  const name = (await adapterNames()).find((name) => slugOf(name) === slug);
  return name === undefined ? null : await dawnGpu(name).requestAdapter();
}

/**
 * Whether any adapter answers. Natively a worker asks: a thread that has asked keeps the drivers that it found, so where there are none,
 * this thread could be given none afterwards.
 */
export async function anyAdapterAnswers(): Promise<boolean> {
  prepareVulkan();
  if (currentRuntime() === "dawn") {
    const answers = Boolean(await webgpu().requestAdapter().catch(() => null));
    if (!answers) forgetDrivers();
    return answers;
  }
  const ask = "postMessage(Boolean(await navigator.gpu.requestAdapter().catch(() => null)))";
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(ask)}`, { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
  } finally {
    worker.terminate();
  }
}

/** Whether an adapter is of the wanted kind. */
export function isWanted(choice: AdapterChoice, report: AdapterReport): boolean {
  if (choice === "auto") return true;
  return choice === "gpu" ? report.class === "gpu" : report.slug === choice;
}

/** The plain data of an adapter. */
export async function reportAdapter(
  adapter: GPUAdapter,
  { driverVersion = nvidiaDriver, runtime = currentRuntime() }: {
    driverVersion?: () => Promise<string | null>;
    runtime?: Runtime;
  } = {},
): Promise<AdapterReport> {
  const { info } = adapter;
  const given = runtime === "dawn" ? await nameOf(adapter) : info.description || info.device;
  const name = given || "unnamed adapter";
  const vendor = vendorOf(info.vendor);
  const version = vendor === "NVIDIA" ? await driverVersion() : null;
  const limits: Record<string, number> = {};
  // Limits are getters of the prototype: spreading the object would give none.
  for (const key in adapter.limits) limits[key] = adapter.limits[key as keyof GPUSupportedLimits] as number;
  return {
    runtime,
    class: info.isFallbackAdapter || softwareNames.test(name) ? "software" : "gpu",
    name,
    slug: slugOf(name),
    vendor,
    driver: version && `NVIDIA ${version}`,
    features: [...adapter.features].sort(),
    limits,
  };
}

/** The one line about the adapter that every run prints. */
export function adapterLine(report: AdapterReport): string {
  const kind = report.class === "gpu" ? "hardware GPU" : "software adapter: not a performance result";
  return `Adapter: ${report.name}${report.runtime === "dawn" ? " under Dawn" : ""}, ${kind}`;
}

/** One sentence: what was wanted, what answered instead, and the remedy. */
export function noAdapterMessage(
  choice: AdapterChoice,
  seen: AdapterReport | null,
  survey: DriverSurvey,
  runtime: Runtime = currentRuntime(),
): string {
  const dawn = runtime === "dawn" ? " Dawn" : "";
  const instead = seen ? `, only ${seen.name}` : "";
  const remedy = driverRemedy(survey) ??
    (survey.cards === null
      ? "`deno task doctor` says whether this machine has a card, and what it needs"
      : null);
  switch (choice) {
    case "gpu":
      return `No hardware GPU answered${dawn}${instead}; ` +
        (remedy ??
          "this machine shows none: drop --require-gpu and HEADROOM_ADAPTER=gpu to run on a software adapter");
    case "llvmpipe":
      if (dawn) {
        return `llvmpipe did not answer Dawn${instead}, which refuses that of Debian 12's Mesa 22.3: ` +
          "run the command by .ci/lavapipe, which brings Mesa 26's, or take HEADROOM_ADAPTER=swiftshader";
      }
      return `llvmpipe did not answer${instead}: install libvulkan1 and mesa-vulkan-drivers (Debian, Ubuntu)`;
    case "swiftshader":
      return `SwiftShader did not answer${dawn}${instead}: start through "deno task" on Linux x86-64, which unpacks it`;
    case "auto":
      return `No WebGPU adapter answered${dawn}; ` +
        (remedy ?? 'start through "deno task", which brings a software adapter on Linux x86-64, ' +
            "or install libvulkan1 and mesa-vulkan-drivers (Debian, Ubuntu)");
  }
}

/** PCI and Khronos vendor numbers, as the runtime gives them in decimal. */
const vendorNames: Record<number, string> = {
  0x10de: "NVIDIA",
  0x1002: "AMD",
  0x8086: "Intel",
  0x106b: "Apple",
  0x13b5: "Arm",
  0x1414: "Microsoft",
  0x1ae0: "Google",
  0x5143: "Qualcomm",
  0x10005: "Mesa",
};

/** Deno gives a vendor's number, Dawn its name in small letters. */
function vendorOf(given: string): string {
  const named = Object.values(vendorNames).find((name) => name.toLowerCase() === given);
  return vendorNames[Number(given)] ?? named ?? given;
}

const softwareNames = /llvmpipe|lavapipe|swiftshader|software|basic render driver/i;

/** "AMD Radeon RX 7900 XTX (RADV NAVI31)" becomes "amd-radeon-rx-7900-xtx"; the software adapters go by one short name each. */
export function slugOf(name: string): string {
  const short = name.match(/llvmpipe|swiftshader/i)?.[0] ?? name.replace(/\([^)]*\)/g, " ");
  return short.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "adapter";
}

/** What the folder of a report is called by: the adapter, and the runtime where it is not Deno's own. */
export const folderSlug = ({ slug, runtime }: Pick<AdapterReport, "slug" | "runtime">): string =>
  runtime === "dawn" ? `${slug}-dawn` : slug;

/** Sets what must stand before the first request, when the runtime loads Vulkan. */
function prepareVulkan(): void {
  if (Deno.build.os !== "linux") return;
  // Mesa's device-selection layer complains on stderr about a missing XDG_RUNTIME_DIR.
  setUnset("NODEVICE_SELECT", "1");
  // OpenGL would answer where Vulkan does not, with half the features and another numerics under the same name.
  setUnset("DENO_WEBGPU_BACKEND", "vulkan");
}

function setUnset(name: string, value: string): void {
  if (readVariable(name) === undefined) setVariable(name, value);
}
