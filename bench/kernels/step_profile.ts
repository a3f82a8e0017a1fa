import { markdownTable } from "markdown-table";
import { z } from "zod";
import { UserError } from "../../src/errors.ts";
import { withGpu } from "../../src/gpu/device.ts";
import { boundBytes, fullName } from "../../src/gpu/kernel.ts";
import { TrainingSession } from "../../src/train/session.ts";
import type { AdapterOptions } from "../machine/start.ts";
import { median } from "../statistics/statistics.ts";
import { trainOptions } from "../sweep/cell.ts";
import type { TrainingData } from "../training/data.ts";
import { trainSteps } from "../training/training_loop.ts";
import { percentage, plural, wholePercentage } from "../../src/text/format.ts";
import { describeChoices } from "../../src/train/step_choices.ts";
import { names } from "../report/side_by_side.ts";
import { type CellConfiguration, configuration as cell } from "../results/results.ts";
import { parseTimes } from "../results/read_results.ts";
import { commandCode } from "../report/command.ts";

/** Steps that are profiled; a dispatch's time is its median over them. */
const profiledSteps = 5;

/** What a reader of the tables must know. */
export const profileNote =
  "Each dispatch runs in a pass of its own, timed by GPU timestamps: the sum exceeds what a step takes.";

const profiledDispatch = z.object({
  kernel: z.string(),
  operator: z.string(),
  pass: z.string(),
  flops: z.number().nonnegative(),
  bytes: z.number().nonnegative().describe("of what it binds, once for each direction"),
  milliseconds: z.number().describe("median over the steps that were timed"),
});

/** One dispatch of a step. */
export type ProfiledDispatch = z.infer<typeof profiledDispatch>;

export const stepProfile = z.object({ configuration: cell, dispatches: z.array(profiledDispatch) });

/** Where the time of one cell's step goes. */
export type StepProfile = z.infer<typeof stepProfile>;

/** What a card reaches at best: operations and bytes per second. */
export interface Ceilings {
  flops: number;
  bytes: number;
}

/** Profiles the step of a cell in this process, on the adapter asked for: each dispatch in a pass of its own, by GPU timestamps. */
export async function profileStep(
  configuration: CellConfiguration,
  data: TrainingData,
  { requireGpu }: Pick<AdapterOptions, "requireGpu">,
): Promise<StepProfile> {
  return await withGpu({ requireGpu }, async (gpu) => {
    if (!gpu.timestamps) {
      throw new UserError("This adapter has no timestamps; run --profile-step on one that has");
    }
    const session = await TrainingSession.create(gpu, trainOptions(configuration, data));
    const batches = data.training(configuration);
    await trainSteps(session, batches, configuration.warmupSteps + 1);
    const timed = await session.profile(batches.next(), profiledSteps);
    session.destroy();
    return {
      configuration,
      dispatches: timed.map(({ dispatch, milliseconds }) => {
        const { kernel, operator = "other", pass = "other", flops } = dispatch;
        const times = median([...milliseconds]);
        return {
          kernel: fullName(kernel),
          operator,
          pass,
          flops,
          bytes: boundBytes(dispatch),
          milliseconds: times,
        };
      }),
    };
  });
}

const total = (dispatches: readonly ProfiledDispatch[]) =>
  dispatches.reduce((sum, { milliseconds }) => sum + milliseconds, 0);

/** The tables of a profile: by operator and pass, and by kernel. */
export function renderProfile({ configuration, dispatches }: StepProfile): string {
  const whole = total(dispatches);
  const [model, tokens] = names(configuration);
  const choices = { ...configuration, arithmetic: undefined }; // which the header tells
  return [
    `### ${model}, ${[tokens, configuration.policy, ...describeChoices(choices)].join(", ")}: ${
      whole.toFixed(2)
    } ms in ${plural(dispatches.length, "dispatch", "dispatches")}`,
    byOperator(dispatches, whole),
    kernelTable(dispatches),
  ].join("\n\n");
}

/** The files that tell profiles of steps, by name. Throws a UserError if the results are not whole. */
export function profileFiles(text: string): Record<string, string> {
  const { header: { command }, lines } = parseTimes<StepProfile>(text);
  const opening = `# Where a step's time goes\n\nMade by ${commandCode(command)}. ${profileNote}`;
  return { "report.md": [opening, ...lines.map(renderProfile)].join("\n\n") + "\n" };
}

function byOperator(dispatches: readonly ProfiledDispatch[], whole: number): string {
  const passes = ["forward", "recompute", "backward", "update"]
    .filter((pass) => dispatches.some((d) => d.pass === pass));
  const rows = [...Map.groupBy(dispatches, ({ operator }) => operator)].sort(([, a], [, b]) =>
    total(b) - total(a)
  ).map(([operator, own]) => [
    operator,
    ...passes.map((pass) => {
      const part = own.filter((d) => d.pass === pass);
      return part.length ? total(part).toFixed(2) : "";
    }),
    total(own).toFixed(2),
    percentage(total(own) / whole),
    `${own.length}`,
  ]);
  return markdownTable([
    ["operator", ...passes.map((pass) => `${pass} ms`), "ms", "share", "dispatches"],
    ...rows,
  ], {
    align: ["l", ...passes.map(() => "r"), "r", "r", "r"],
  });
}

/**
 * The kernels of a step as a markdown table, those that take longest first: time, rates, and, where the ceilings are known, the share of
 * the nearer one.
 */
export function kernelTable(dispatches: readonly ProfiledDispatch[], ceilings?: Ceilings): string {
  const whole = total(dispatches);
  const rows = [...Map.groupBy(dispatches, ({ kernel }) => kernel)].sort(([, a], [, b]) =>
    total(b) - total(a)
  ).map(([kernel, own]) => {
    const seconds = total(own) / 1000;
    const flops = own.reduce((sum, dispatch) => sum + dispatch.flops, 0) / seconds;
    const bytes = own.reduce((sum, dispatch) => sum + dispatch.bytes, 0) / seconds;
    return [
      kernel,
      (1000 * seconds).toFixed(2),
      percentage(1000 * seconds / whole),
      (flops / 1e12).toPrecision(3),
      (bytes / 1e12).toPrecision(3),
      ...ceilings ? [wholePercentage(Math.max(flops / ceilings.flops, bytes / ceilings.bytes))] : [],
      `${own.length}`,
    ];
  });
  const share = ceilings ? ["of the run's fastest"] : [];
  return markdownTable(
    [["kernel", "ms", "of the step", "TFLOP/s", "TB/s", ...share, "dispatches"], ...rows],
    {
      align: ["l", ...Array(6 + share.length).fill("r")],
    },
  );
}
