import {
  argument,
  command,
  type InferValue,
  message,
  object,
  option,
  optional,
  string,
  text,
} from "@optique/core";
import { shortDigest } from "../../src/data/digest.ts";
import { UserError } from "../../src/errors.ts";
import { isPresent } from "../../src/io/files.ts";
import { trainDefaults } from "../../src/train/options.ts";
import { refuseUnused } from "../options/unused.ts";
import { createReportFolder } from "../report/report_folder.ts";
import { runBench } from "./run_bench.ts";
import { runKernelBench } from "../kernels/kernel_bench.ts";
import { renderAgain } from "./render.ts";
import { resumeBench } from "./resume_bench.ts";
import {
  adapterOptions,
  dataOption,
  folder,
  imagesOption,
  jsonOption,
  maybe,
  newFolder,
  rankListOptions,
  seedOption,
  stepOptions,
  storageOptions,
  sweepOptions,
  timeoutOption,
  variantOptions,
} from "../options/options.ts";
import { fileParser } from "../options/document_parser.ts";
import { type Given, OptionDocument, overDocument } from "../options/option_document.ts";
import { launchedRanks, takeLaunch } from "../processes/launched.ts";
import { profiles } from "../sweep/profiles.ts";
import { imageRate } from "../sweep/recipe.ts";
import { nonNegative, percent, shard, size, span, whole, word } from "../options/value_parsers.ts";

const names = Object.keys(profiles);
const commit = string({ metavar: "COMMIT" });

const named = optional(
  argument(word("PROFILE", [...names, "kernels"]), {
    description:
      message`The same as --profile, as in ${"bench parity"}; ${"kernels"}: time each kernel alone`,
  }),
);

/** What a sweep may be told, by options or by a document. */
const sweepFields = {
  profile: maybe(
    "--profile",
    word("PROFILE", names),
    message`What to take for options left out`,
  ),
  ...sweepOptions({ model: "the profile's", batch: "the profile's", policy: "the profile's" }),
  steps: maybe("--steps", whole(1), message`Timed steps of a process`),
  warmup: maybe("--warmup", whole(0), message`Steps before the timed ones`),
  rounds: maybe(
    "--rounds",
    whole(1),
    message`How often each cell runs, the policies in turn; with --precision, at most`,
  ),
  precision: maybe(
    "--precision",
    percent,
    message`Run rounds until the 95% interval of every policy's speed is within so much of it, as in ${"0.5%"}; with --against, until each cell's speed is known to be the other's within so much, or not (${"2%"})`,
  ),
  maxTime: maybe(
    "--max-time",
    span,
    message`How long the rounds of a model, length and batch may take to get there (${"5min"})`,
  ),
  qualitySteps: maybe(
    "--quality-steps",
    whole(0),
    message`Training steps before the validation loss; 0: none`,
  ),
  learningRate: maybe(
    "--learning-rate",
    nonNegative,
    message`Highest learning rate of AdamW (${text(`${trainDefaults.learningRate}`)}; of images ${
      text(`${imageRate}`)
    })`,
  ),
  ...storageOptions,
  ...stepOptions,
  ...rankListOptions,
  memory: maybe(
    "--memory",
    size,
    message`Bytes that a step's buffers may take by plan, in place of the device's memory, as in ${"8GiB"}`,
  ),
  seeds: maybe("--seeds", whole(1), message`Training runs for quality, each from a seed of its own`),
  seed: seedOption,
  gradientEvery: maybe(
    "--gradient-every",
    whole(0),
    message`Quality steps between comparisons of the gradient with exact's; 0: none`,
  ),
  data: dataOption,
  images: imagesOption,
  timeout: timeoutOption,
  ...adapterOptions,
  ...variantOptions,
};

/** Documents that say what a sweep covers. */
export const sweepDocument = new OptionDocument(sweepFields, {
  title: "Sweep",
  description:
    "What `headroom bench` covers: its options, by their names. Paths count from the working folder",
  examples: [
    { model: ["micro", "vit-micro"], batch: 8, policy: ["exact", "mesa8"], rounds: 5 },
    { profile: "parity", policy: ["exact", { name: "mine", bits: 4 }], memory: "8GiB" },
  ],
});

const configParser = fileParser<{ path: string; told: Given<typeof sweepFields> }>({
  metavar: "SWEEP",
  parse: (json, path) => ({ path, told: sweepDocument.parse(json, path) }),
}, { path: "sweep.json", told: {} });

export const options = object({
  named,
  ...sweepFields,
  config: optional(
    option("--config", configParser, {
      description: message`Options in a JSON document; those of the command line come before them`,
    }),
  ),
  out: maybe("--out", newFolder, message`Report folder; left out, reports/DATE-ADAPTER`),
  shard: maybe(
    "--shard",
    shard,
    message`Run one of N equal parts of the sweep, as in ${"2/4"}; ${"merge"} makes one report of them`,
  ),
  peers: maybe(
    "--peers",
    folder,
    message`A folder of PyTorch's rows (${"bench/peers"}) on the same card, to stand beside a frontier`,
  ),
  against: maybe(
    "--against",
    commit,
    message`Run the program of a commit by turns with this one, and compare the two`,
  ),
  profileStep: option("--profile-step", {
    description: message`Time each dispatch of a step instead, and tell them by operator`,
  }),
  resume: maybe(
    "--resume",
    folder,
    message`Go on with the sweep of a folder: run what has no record, failed or timed out`,
  ),
  render: maybe("--render", folder, message`Write a folder's report again, from its records, and end`),
  json: jsonOption,
});
const brief = message`Sweep models, lengths, batches and policies; write a report`;

type Options = InferValue<typeof options>;

/** What does something else than sweep, in the order in which it is asked for, and the choices that it uses beside its own. */
const modes: { mode: string; asked(o: Options): boolean; used: readonly (keyof Options)[] }[] = [
  { mode: "--resume", asked: (o) => o.resume !== undefined, used: ["resume", "timeout", "json"] },
  { mode: "--render", asked: (o) => o.render !== undefined, used: ["render", "json"] },
  {
    mode: "bench kernels",
    asked: (o) => o.named === "kernels",
    used: [
      ...["named", "config", "models", "batches", "policies"] as const,
      ...["out", "requireGpu", "runtime", "arithmetic", "variants", "noTune", "json"] as const,
    ],
  },
  {
    mode: "--profile-step",
    asked: (o) => o.profileStep,
    used: [
      ...[
        "profileStep",
        "named",
        "config",
        "profile",
        "models",
        "sequences",
        "batches",
        "tokens",
        "policies",
      ] as const,
      ...["rounding", "ranges", "attention", "arithmetic", "warmup", "seed"] as const,
      ...["parameters", "moments", "update", "clipBy"] as const,
      ...["data", "images", "out", "requireGpu", "runtime", "variants", "noTune", "json"] as const,
    ],
  },
];

/** The profile that is named, as a software adapter takes it; undefined where the adapter chooses one. */
function profileTold({ named, profile }: Options) {
  const name = named ?? profile;
  return name === undefined ? undefined : profiles[name]?.("software");
}

/** Training steps for quality; undefined where that depends on the adapter, and is some. */
const qualitySteps = (o: Options): number | undefined => o.qualitySteps ?? profileTold(o)?.qualitySteps;

/** Throws a UserError for a choice that does nothing beside another. */
function refuseUnusedInMode(o: Options): void {
  const found = modes.find(({ asked }) => asked(o));
  if (found) refuseUnused(found.mode, o, found.used);
}

/** Throws a UserError for choices that contradict each other, or of which one does nothing. */
function refuseContradictory(o: Options): void {
  refuseUnusedInMode(o);
  if (o.named !== undefined && o.profile !== undefined) {
    throw new UserError(`The profiles ${o.named} and ${o.profile} are named; leave one of them out`);
  }
  if (o.named === "kernels" && o.batches.length > 1) {
    throw new UserError("bench kernels takes one --batch; leave the others out");
  }
  const idle = o.seeds !== undefined
    ? "--seeds"
    : o.gradientEvery
    ? "--gradient-every"
    : o.learningRate !== undefined
    ? "--learning-rate"
    : undefined;
  if (idle && qualitySteps(o) === 0) {
    throw new UserError(`${idle} does nothing without quality steps; give --quality-steps, or leave it out`);
  }
  const steps = qualitySteps(o);
  if (steps !== undefined && o.gradientEvery !== undefined && o.gradientEvery > steps) {
    throw new UserError(
      `--gradient-every ${o.gradientEvery} is reached in none of ${steps} quality steps; give at most ${steps}`,
    );
  }
  if (o.peers !== undefined && !profileTold(o)?.frontier) {
    throw new UserError("--peers sets rows beside a frontier; take `bench frontier`, or leave it out");
  }
  if (o.shard !== undefined && o.against !== undefined) {
    throw new UserError("--shard parts a sweep that --against must run as a whole; leave one of them out");
  }
  if (o.noTune && o.variants !== undefined) refuseUnused("--variants", { noTune: true }, []);
}

/** Options of which one leaves the other nothing to say. */
const exclusive = [["named", "profile"], ["batches", "tokens"], ["variants", "noTune"]] as const;

/** Throws a UserError at once for a folder that holds results, which would be refused after what is planned and tuned in minutes. */
async function refuseTaken(out: string): Promise<void> {
  if (await isPresent(`${out}/results.jsonl`)) await createReportFolder(out, "", new Date());
}

export const bench = command("bench", options, { brief, usageLine: [{ type: "ellipsis" }] }).map(
  (given) => async () => {
    const launched = takeLaunch();
    if (launched && launched.rank > 0) return 0; // the first runs the sweep, and starts ranks of its own
    refuseUnusedInMode(given); // before what the document says
    const told = overDocument(given, given.config?.told ?? {}, exclusive);
    const sweeps = told.resume === undefined && told.render === undefined && told.named !== "kernels";
    const all = launched && sweeps
      ? { ...told, rankCounts: [launchedRanks(launched, told.rankCounts)] }
      : told;
    refuseContradictory(all);
    if (all.out !== undefined) await refuseTaken(all.out);
    const { named, render, resume, config, ...o } = all;
    if (resume !== undefined) return await resumeBench(resume, o);
    if (render !== undefined) return await renderAgain(render, o);
    if (named === "kernels") return await runKernelBench(o);
    return await runBench({ ...o, profile: named ?? o.profile, config: config && await fileOf(config) });
  },
);

/** A document as a record names it. */
const fileOf = async ({ path }: { path: string }) => ({
  path,
  digest: await shortDigest(await Deno.readFile(path)),
});
