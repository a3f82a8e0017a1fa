/** `deno task doctor`: which adapter would run, why, and what to install for a better one. */

import prettyBytes from "pretty-bytes";
import {
  type AdapterChoice,
  adapterChoice,
  type AdapterReport,
  askForAdapter,
  isWanted,
  noAdapterMessage,
} from "../../src/adapter/adapter.ts";
import { driverRemedy, type DriverSurvey, surveyDrivers } from "../../src/adapter/driver_survey.ts";
import { isUnpacked, swiftShaderFolder, swiftShaderRuns } from "../../src/adapter/swiftshader.ts";
import { needsSwiftShader, restartWithSwiftShader } from "./start.ts";

/** The version of Deno that the project is tested with. */
const testedDeno = "2.9.6";

/** Everything that doctor knows; plain data, so that the page can be tested without the machine. */
export interface MachineFacts {
  deno: string;
  system: string;
  processors: number;
  memory: { total: number; available: number };
  survey: DriverSurvey;
  /** One line a card from nvidia-smi: name, driver version, memory total, memory used; null without nvidia-smi. */
  nvidiaSmi: string[] | null;
  choice: AdapterChoice;
  /** The adapter that answered, wanted or not. */
  adapter: AdapterReport | null;
  swiftShader: { runs: boolean; folder: string; unpacked: boolean };
}

/**
 * The page that doctor prints, and whether the next command has an adapter to run on. Downloads nothing; where SwiftShader is what remains and lies unpacked, the program starts again
 * with it, so that its limits can be shown.
 */
export async function doctor(): Promise<{ page: string; runs: boolean }> {
  const facts = await gatherFacts();
  if (facts.swiftShader.unpacked && needsSwiftShader(facts.choice, facts.adapter)) {
    await restartWithSwiftShader(facts.choice);
  }
  return { page: describeMachine(facts), runs: canRun(facts) };
}

/** Whether the adapter that is wanted answers, or the next command brings it. */
export function canRun(facts: MachineFacts): boolean {
  return wantedAdapter(facts) !== null || swiftShaderComes(facts);
}

function wantedAdapter({ adapter, choice }: MachineFacts): AdapterReport | null {
  return adapter && isWanted(choice, adapter) ? adapter : null;
}

function swiftShaderComes({ choice, adapter, swiftShader }: MachineFacts): boolean {
  return swiftShader.runs && (choice === "swiftshader" || choice === "auto" && !adapter);
}

async function gatherFacts(): Promise<MachineFacts> {
  const choice = adapterChoice();
  const found = await askForAdapter(choice);
  const adapter = found && { ...found.report, features: await grantedFeatures(found) };
  const { total, available } = Deno.systemMemoryInfo();
  const folder = swiftShaderFolder();
  return {
    deno: Deno.version.deno,
    system: `${Deno.build.os} ${Deno.build.arch}${await distribution()}`,
    processors: navigator.hardwareConcurrency,
    memory: { total, available },
    survey: surveyDrivers(),
    nvidiaSmi: await askNvidiaSmi(),
    choice,
    adapter,
    swiftShader: { runs: swiftShaderRuns(), folder, unpacked: await isUnpacked(folder) },
  };
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
    ...several("GPU", survey.cards.map((card) => `${card.vendor} at ${card.at}`), "none found"),
    ...several("nvidia-smi", facts.nvidiaSmi ?? [], facts.nvidiaSmi ? "no answer" : "not installed"),
    ["Vulkan loader", survey.loader ?? "none found"],
    ...several("Vulkan drivers", survey.manifests, "none found"),
    [
      "SwiftShader",
      `${swiftShader.unpacked ? "unpacked in" : "not unpacked; cache folder"} ${swiftShader.folder}`,
    ],
    ["Wanted", choice === "auto" ? "any adapter, a hardware GPU first" : `${choice} (HEADROOM_ADAPTER)`],
    ["Adapter", wanted?.name ?? comingAdapter(facts)],
    ["Why", reason(facts, wanted)],
  ];
  if (wanted) rows.push(...adapterRows(wanted));
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => (name.padEnd(width) + value).trimEnd());
  return [...lines, ...advice(facts, wanted).map((sentence) => `\n${sentence}`)].join("\n");
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

function reason({ choice, adapter }: MachineFacts, wanted: AdapterReport | null): string {
  if (choice !== "auto") {
    return wanted ? "as wanted" : adapter ? `only ${adapter.name} answers` : "no Vulkan driver answers";
  }
  if (!wanted) return "no Vulkan driver answers";
  if (wanted.class === "gpu") return "a hardware GPU answers";
  if (wanted.slug === "swiftshader") return "no installed Vulkan driver answers";
  return "no hardware GPU answers, this software adapter is installed";
}

function advice(
  { survey, choice, adapter, swiftShader }: MachineFacts,
  wanted: AdapterReport | null,
): string[] {
  const sentences: string[] = [];
  const idle = wanted?.class !== "gpu" && driverRemedy(survey);
  if (idle) sentences.push(`For results that count: ${idle}.`);
  if (!wanted && (choice !== "auto" && choice !== "swiftshader" || !swiftShader.runs)) {
    sentences.push(`${noAdapterMessage(choice, adapter, survey)}.`);
  }
  const slow = choice === "auto" && (wanted?.slug === "swiftshader" || !wanted && swiftShader.runs);
  if (slow) {
    sentences.push(
      "For a software adapter several times faster: apt install libvulkan1 mesa-vulkan-drivers (Debian, Ubuntu).",
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

async function askNvidiaSmi(): Promise<string[] | null> {
  const query = "name,driver_version,memory.total,memory.used";
  try {
    const { success, stdout } = await new Deno.Command("nvidia-smi", {
      args: [`--query-gpu=${query}`, "--format=csv,noheader"],
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim().split("\n").map(describeCard) : [];
  } catch {
    return null;
  }
}

function describeCard(line: string): string {
  const [name, driver, total, used] = line.split(", ");
  return `${name}, driver ${driver}, ${total}, ${used} in use`;
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
