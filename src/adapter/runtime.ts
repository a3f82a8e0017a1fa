/** What executes WebGPU: Deno itself, or Dawn. Nothing else reads `navigator.gpu`, so that the choice comes before any use. */

import { cacheVariableNames } from "../cache_folder.ts";
import { readVariable, setVariable } from "../environment_variables.ts";
import { oneOf } from "../suggest.ts";
import { dawnGpu } from "./dawn.ts";
import { dawnFolder } from "./dawn_package.ts";

/** `native` is Deno's own WebGPU, of wgpu and naga; `dawn` an addon from npm, with subgroup matrices. */
export const runtimes = ["native", "dawn"] as const;
export type Runtime = typeof runtimes[number];

/** The value of `HEADROOM_RUNTIME`; throws a UserError for a word that is none of {@linkcode runtimes}. */
export function runtimeChoice(value: string = readVariable("HEADROOM_RUNTIME") ?? ""): Runtime {
  return value === "" ? "native" : oneOf("HEADROOM_RUNTIME", value.toLowerCase(), runtimes);
}

let chosen: Runtime | undefined;

/** Sets the runtime of this process and its children, whatever `HEADROOM_RUNTIME` says. To be called before anything uses WebGPU. */
export function useRuntime(runtime: Runtime): void {
  chosen = runtime;
  setVariable("HEADROOM_RUNTIME", runtime);
}

/** The runtime of this process. */
export const currentRuntime = (): Runtime => chosen ??= runtimeChoice();

/** What the runtime of this process gives in place of `navigator.gpu`; under `dawn` its classes and constants are global from then on. */
export const webgpu = (): GPU => currentRuntime() === "dawn" ? dawnGpu() : navigator.gpu;

/** What a process must be allowed so that it can load the runtime of this one: natively nothing. */
export function runtimePermissions(): { libraries: string[]; variables: readonly string[] } {
  if (currentRuntime() === "native") return { libraries: [], variables: [] };
  return { libraries: [`--allow-ffi=${dawnFolder()}`], variables: cacheVariableNames };
}
