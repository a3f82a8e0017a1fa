/** What every command that needs an adapter does first. */

import {
  type AdapterChoice,
  adapterChoice,
  adapterLine,
  type AdapterReport,
  anyAdapterAnswers,
  askForAdapter,
  isWanted,
  NoAdapterError,
  noAdapterMessage,
} from "../../src/adapter/adapter.ts";
import { dawnFolder, fetchDawn, isFetched } from "../../src/adapter/dawn_package.ts";
import { currentRuntime, type Runtime, useRuntime } from "../../src/adapter/runtime.ts";
import { driverRemedy, surveyDrivers } from "../../src/adapter/driver_survey.ts";
import {
  isInherited,
  isUnpacked,
  loadSwiftShader,
  swiftShaderFolder,
  swiftShaderRuns,
  unpackSwiftShader,
} from "../../src/adapter/swiftshader.ts";

/** What commands are told of the adapter that they run on. */
export interface AdapterOptions {
  /** Accept a hardware GPU only, whatever `HEADROOM_ADAPTER` says. */
  readonly requireGpu: boolean;
  /** Left out: what `HEADROOM_RUNTIME` says. */
  readonly runtime?: Runtime;
}

/**
 * Makes sure that the wanted adapter answers, in this process and in its children, and says on stderr which one it is. Where no
 * driver is installed, unpacks and loads SwiftShader.
 *
 * @throws {NoAdapterError} when the wanted adapter does not answer
 * @throws {UserError} when the runtime, or SwiftShader, cannot be brought
 */
export async function ensureAdapterEnvironment(
  { requireGpu = false, runtime }: Partial<AdapterOptions> = {},
): Promise<AdapterReport> {
  if (runtime) useRuntime(runtime);
  if (currentRuntime() === "dawn") await bringDawn();
  const choice = requireGpu ? "gpu" : adapterChoice();
  const swiftShader = await needsSwiftShader(choice);
  if (swiftShader) await bringSwiftShader(choice);
  const report = (await askForAdapter(choice))?.report ?? null;
  const survey = report?.class === "gpu" ? null : await surveyDrivers();
  const idleCard = survey && choice === "auto" && !swiftShader && driverRemedy(survey);
  if (idleCard) console.error(`Note: ${idleCard}`);
  if (report && isWanted(choice, report)) {
    console.error(adapterLine(report));
    return report;
  }
  throw new NoAdapterError(noAdapterMessage(choice, report, survey ?? await surveyDrivers()));
}

/** Fetches Dawn where that is needed. */
async function bringDawn(): Promise<void> {
  if (await isFetched()) return;
  console.error(`Dawn is not fetched yet: fetching it (48 MB from npm, once) into ${dawnFolder()}`);
  await fetchDawn();
}

/** Whether SwiftShader is what remains. To be asked before this process asks for an adapter. */
export async function needsSwiftShader(choice: AdapterChoice): Promise<boolean> {
  if (!swiftShaderRuns()) return false;
  if (choice === "swiftshader") return !isInherited(swiftShaderFolder());
  return choice === "auto" && !await anyAdapterAnswers();
}

/** Unpacks SwiftShader where that is needed, and loads it. */
async function bringSwiftShader(choice: AdapterChoice): Promise<void> {
  const under = currentRuntime() === "dawn" ? " Dawn" : "";
  const reason = choice === "swiftshader"
    ? "HEADROOM_ADAPTER=swiftshader"
    : `No Vulkan driver answers${under}`;
  const folder = swiftShaderFolder();
  console.error(
    await isUnpacked(folder)
      ? `${reason}: taking SwiftShader (a software adapter) from ${folder}`
      : `${reason}: unpacking SwiftShader (a software adapter; 67 MB from npm, once) into ${folder}`,
  );
  loadSwiftShader(await unpackSwiftShader({ folder }));
}
