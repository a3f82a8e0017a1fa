/** What every command that needs an adapter does first. */

import { UserError } from "../../src/errors.ts";
import {
  type AdapterChoice,
  adapterChoice,
  adapterLine,
  type AdapterReport,
  askForAdapter,
  isWanted,
  noAdapterMessage,
} from "../../src/adapter/adapter.ts";
import { driverRemedy, surveyDrivers } from "../../src/adapter/driver_survey.ts";
import {
  isUnpacked,
  swiftShaderFolder,
  swiftShaderRuns,
  swiftShaderVariables,
  unpackSwiftShader,
} from "../../src/adapter/swiftshader.ts";
import { restartWith } from "./restart.ts";

/** Set in a process that was started again for SwiftShader; it never starts again. */
const restartMarker = "HEADROOM_RESTARTED";

/**
 * Makes sure that the wanted adapter answers, in this process and in its children, and says on stderr which one it is. Where no
 * driver is installed, unpacks SwiftShader and starts the program again with it, in which case the call never returns.
 *
 * @param options.requireGpu accept a hardware GPU only
 * @throws {UserError} when the wanted adapter does not answer
 */
export async function ensureAdapterEnvironment(
  { requireGpu = false }: { requireGpu?: boolean } = {},
): Promise<AdapterReport> {
  const choice = requireGpu ? "gpu" : adapterChoice();
  if (choice === "swiftshader" && mayRestart()) await restartWithSwiftShader(choice);
  const report = (await askForAdapter(choice))?.report ?? null;
  const survey = surveyDrivers();
  const idleCard = choice === "auto" && report?.class !== "gpu" && !wasRestarted() && driverRemedy(survey);
  if (idleCard) console.error(`Note: ${idleCard}`);
  if (report && isWanted(choice, report)) {
    console.error(adapterLine(report));
    return report;
  }
  if (needsSwiftShader(choice, report)) await restartWithSwiftShader(choice);
  throw new UserError(noAdapterMessage(choice, report, survey));
}

/** Whether SwiftShader is what remains, and this process can still start again with it. */
export function needsSwiftShader(choice: AdapterChoice, found: AdapterReport | null): boolean {
  return mayRestart() && (choice === "swiftshader" || choice === "auto" && !found);
}

/** Unpacks SwiftShader where that is needed, and starts the program again with it; never returns. */
export async function restartWithSwiftShader(choice: AdapterChoice): Promise<never> {
  const reason = choice === "swiftshader" ? "HEADROOM_ADAPTER=swiftshader" : "No Vulkan driver answers";
  const folder = swiftShaderFolder();
  console.error(
    await isUnpacked(folder)
      ? `${reason}: starting again with SwiftShader (a software adapter) from ${folder}`
      : `${reason}: unpacking SwiftShader (a software adapter; 67 MB from npm, once) into ${folder}`,
  );
  await unpackSwiftShader({ folder });
  restartWith({ ...swiftShaderVariables(folder), [restartMarker]: "swiftshader" });
}

function mayRestart(): boolean {
  return swiftShaderRuns() && !wasRestarted();
}

function wasRestarted(): boolean {
  return Deno.env.has(restartMarker);
}
