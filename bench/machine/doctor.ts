/** `deno task doctor`: which adapter would run, why, and what to install for a better one. */

import { adapterChoice } from "../../src/adapter/adapter.ts";
import { useRuntime } from "../../src/adapter/runtime.ts";
import { diagnose, type Diagnosis } from "./diagnosis.ts";
import { gatherFacts } from "./gather_facts.ts";
import { describeMachine } from "./machine_page.ts";
import type { AdapterOptions } from "./start.ts";

/**
 * What doctor found, and the page that tells it.
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
