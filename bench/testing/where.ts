import type { AdapterReport } from "../../src/adapter/adapter.ts";
import { describeEnvironment } from "../machine/environment.ts";
import { versionOf } from "../readme/making.ts";
import { adapterTitle } from "../results/results.ts";

/** What a proof ran on and of which commit, as a line that stays with what it prints. */
export async function where(adapter: AdapterReport): Promise<string> {
  const environment = await describeEnvironment(adapter);
  const { driver, deno, os } = environment;
  const told = driver === null ? [] : [driver];
  return [adapterTitle(environment), ...told, `Deno ${deno}`, os, ...versionOf(environment)].join(", ");
}
