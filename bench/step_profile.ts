import { median } from "simple-statistics";
import { markdownTable } from "markdown-table";
import { UserError } from "../src/errors.ts";
import { openGpu } from "../src/gpu/device.ts";
import { TrainingSession } from "../src/train/session.ts";
import { trainOptions } from "./cell.ts";
import type { TrainingData } from "./data.ts";
import { percentage, plural } from "./format.ts";
import { names } from "./side_by_side.ts";
import type { CellConfiguration } from "./results.ts";

/** Steps that are profiled; a dispatch's time is its median over them. */
const profiledSteps = 5;

/** What a reader of the tables must know. */
export const profileNote =
  "Each dispatch runs in a pass of its own, timed by GPU timestamps: the sum exceeds what a step takes.";

/** One dispatch of a step. */
export interface ProfiledDispatch {
  kernel: string;
  operator: string;
  pass: string;
  flops: number;
  milliseconds: number;
}

/** Where the time of one cell's step goes. */
export interface StepProfile {
  configuration: CellConfiguration;
  dispatches: ProfiledDispatch[];
}

/** Profiles the step of a cell in this process: each dispatch in a pass of its own, by GPU timestamps. */
export async function profileStep(
  configuration: CellConfiguration,
  data: TrainingData,
): Promise<StepProfile> {
  const gpu = await openGpu();
  try {
    if (!gpu.timestamps) {
      throw new UserError("This adapter has no timestamps; run --profile-step on one that has");
    }
    const session = await TrainingSession.create(gpu, trainOptions(configuration, data));
    const batches = data.training(configuration);
    for (let i = 0; i < configuration.warmupSteps + 1; i++) session.step(batches.next());
    await session.losses();
    const timed = await session.profile(batches.next(), profiledSteps);
    session.destroy();
    return {
      configuration,
      dispatches: timed.map((
        { dispatch: { kernel, operator = "other", pass = "other", flops }, milliseconds },
      ) => ({
        ...{ kernel: kernel.label, operator, pass, flops },
        milliseconds: median([...milliseconds]),
      })),
    };
  } finally {
    gpu.destroy();
  }
}

const total = (dispatches: readonly ProfiledDispatch[]) =>
  dispatches.reduce((sum, { milliseconds }) => sum + milliseconds, 0);

/** The tables of a profile: by operator and pass, and by kernel. */
export function renderProfile({ configuration, dispatches }: StepProfile): string {
  const whole = total(dispatches);
  const [model, tokens] = names({ ...configuration, cells: new Map() });
  return [
    `### ${model}, ${tokens}, ${configuration.policy}: ${whole.toFixed(2)} ms in ${
      plural(dispatches.length, "dispatch", "dispatches")
    }`,
    byOperator(dispatches, whole),
    byKernel(dispatches, whole),
  ].join("\n\n");
}

function byOperator(dispatches: readonly ProfiledDispatch[], whole: number): string {
  const passes = ["forward", "backward", "update"].filter((pass) => dispatches.some((d) => d.pass === pass));
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

function byKernel(dispatches: readonly ProfiledDispatch[], whole: number): string {
  const rows = [...Map.groupBy(dispatches, ({ kernel }) => kernel)].sort(([, a], [, b]) =>
    total(b) - total(a)
  ).map(
    ([kernel, own]) => [
      kernel,
      total(own).toFixed(2),
      percentage(total(own) / whole),
      (own.reduce((sum, { flops }) => sum + flops, 0) / total(own) / 1e9).toFixed(2),
      `${own.length}`,
    ],
  );
  return markdownTable([["kernel", "ms", "share", "TFLOP/s", "dispatches"], ...rows], {
    align: ["l", "r", "r", "r", "r"],
  });
}
