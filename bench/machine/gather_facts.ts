import { type AdapterChoice, type AdapterReport, askForAdapter } from "../../src/adapter/adapter.ts";
import { isFetched, unfetched } from "../../src/adapter/dawn_package.ts";
import { surveyDrivers } from "../../src/adapter/driver_survey.ts";
import { currentRuntime } from "../../src/adapter/runtime.ts";
import {
  isUnpacked,
  loadSwiftShader,
  swiftShaderFolder,
  swiftShaderRuns,
} from "../../src/adapter/swiftshader.ts";
import { UserError } from "../../src/errors.ts";
import { matrixConfigs } from "../../src/gpu/device.ts";
import { programOutput } from "../../src/io/program_output.ts";
import type { MachineFacts } from "./machine_facts.ts";
import { needsSwiftShader } from "./start.ts";

/**
 * What there is on this machine, and which adapter answers. Downloads nothing; where SwiftShader is what remains and lies unpacked, it is
 * loaded, so that its limits can be shown.
 */
export async function gatherFacts(choice: AdapterChoice): Promise<MachineFacts> {
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
