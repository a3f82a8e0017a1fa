/** Processes that look at the adapter, or try a step on it, so that memory is given back with them and a crash ends nothing else. */

import { z } from "zod";
import { UserError } from "../../src/errors.ts";
import { type BuilderOptions, builderOptionsFor } from "../../src/gpu/builder.ts";
import { type Gpu, withGpu } from "../../src/gpu/device.ts";
import { freeOfCard, settledDriverBytes } from "../machine/card_memory.ts";
import { probeRoom } from "../machine/probe_room.ts";
import { environment } from "../results/results.ts";
import { type Trial, trial, type TrialEnd, trialEnd, tryStep } from "./attempt.ts";
import { adapterFlags, lateMessage, mainOf, type ProcessLimits, runProcess } from "../processes/process.ts";

const bytes = z.int().nonnegative();

const { adapter, adapterClass, driver, runtime } = environment.shape;

/** An adapter, as a process that opens it finds it. */
const look = z.object({
  adapter,
  adapterClass,
  driver,
  runtime,
  builder: z.custom<BuilderOptions>((value) => typeof value === "object" && value !== null),
  free: bytes.nullable().describe(
    "on the card, by its driver, once a device is open; null: it does not tell",
  ),
});
export type Look = z.infer<typeof look>;

const found = z.object({ found: bytes });

/** What a process is asked, in a line. */
const request = z.object({
  requireGpu: z.boolean(),
  what: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("look") }),
    z.object({ kind: z.literal("probe") }),
    z.object({ kind: z.literal("try"), trial }),
  ]),
});
type Request = z.infer<typeof request>;

/** Does in this process what a line on standard input asks for, and answers in lines of JSON, of which the last counts. */
export async function answerRequest(line: string): Promise<void> {
  const { requireGpu, what } = request.parse(JSON.parse(line));
  await settledDriverBytes();
  const told = await withGpu({ requireGpu }, async (gpu) => {
    switch (what.kind) {
      case "look":
        return await lookAt(gpu);
      case "probe": {
        const system = { available: () => Deno.systemMemoryInfo().available };
        return { found: await probeRoom(gpu, system, (found) => console.log(JSON.stringify({ found }))) };
      }
      case "try":
        return await tryStep(gpu, what.trial);
    }
  });
  console.log(JSON.stringify(told));
}

async function lookAt(gpu: Gpu): Promise<Look> {
  const { name, class: adapterClass, driver } = gpu.adapter;
  return {
    adapter: name,
    adapterClass,
    driver,
    runtime: gpu.runtime,
    builder: builderOptionsFor(gpu),
    free: adapterClass === "gpu" ? await freeOfCard(name) : null,
  };
}

/** How processes are started. */
export interface TrialHost extends ProcessLimits {
  readonly requireGpu: boolean;
}

/** Opens the adapter and tells what it is. Throws a UserError if it cannot. */
export const lookAtAdapter = (host: TrialHost): Promise<Look> => ask(host, { kind: "look" }, look);

/** Bytes of buffers that the adapter gives, found by taking them. Throws a UserError if nothing is found. */
export const probeAdapter = async (host: TrialHost): Promise<number> =>
  (await ask(host, { kind: "probe" }, found)).found;

/** Tries a step; a process that comes to no answer has failed. */
export async function tryInChild(host: TrialHost, trial: Trial): Promise<TrialEnd> {
  try {
    return await ask(host, { kind: "try", trial }, trialEnd);
  } catch (error) {
    if (error instanceof UserError) return { status: "failed", message: error.message };
    throw error;
  }
}

async function ask<T>(
  { requireGpu, ...limits }: TrialHost,
  what: Request["what"],
  schema: z.ZodType<T>,
): Promise<T> {
  const end = await runProcess({
    ...limits,
    args: ["run", "--no-prompt", ...adapterFlags({ askDriver: true }), ...mainOf(), "attempt"],
    async tell(stdin) {
      const writer = stdin.getWriter();
      await writer.write(new TextEncoder().encode(`${JSON.stringify({ requireGpu, what })}\n`));
      writer.releaseLock();
    },
    read: (child) => new Response(child.stdout).text(),
  });
  const answer = schema.safeParse(parsed(end.answer));
  if (answer.success && !(end.late && what.kind !== "probe")) return answer.data;
  throw new UserError(end.late ? lateMessage(limits) : end.complaint);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
