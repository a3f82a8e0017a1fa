import type { ModelConfig } from "../../src/models/model_config.ts";
import { bytes, number, percentage, plural, ratio, signed, wholePercentage } from "../../src/text/format.ts";
import { type CellRecord, ran } from "../results/results.ts";
import type { Investment, Reinvestment } from "../results/run_header.ts";
import { rateRule } from "../sweep/learning_rate.ts";
import type { Cell } from "./cell_rounds.ts";
import {
  type Equal,
  equals,
  equalTolerance,
  type Invested,
  invested,
  type InvestedArm,
  isTrained,
  level,
  type Outcome,
  type Tally,
  tallyOf,
} from "./reinvested.ts";
import { failureWords } from "./reinvested_failures.ts";
import { natsText } from "./losses.ts";
import { speedWords } from "./tables.ts";
import { code, list, table } from "./words.ts";

/** What a sweep found by plan. */
interface Found {
  readonly reinvest?: readonly Reinvestment[];
}

const units: Record<Investment, string> = { batch: "sequences", depth: "layers", width: "wide" };

const nameOf = ({ model, batch, sequence }: Reinvestment) => `${model}, ${batch} × ${sequence}`;

/** What memory that policies save affords, how fast that is, and what loss it reaches, as markdown; null where that was not asked. */
export function reinvestmentSection({ reinvest = [] }: Found, records: readonly CellRecord[]): string | null {
  if (reinvest.length === 0) return null;
  const all = invested(records, reinvest);
  return [
    "What fits, by plan, into the bytes of buffers that `exact` takes at the size that each row begins with, and what the next size wants:",
    affordable(reinvest),
    ...all.length > 0 ? [speeds(all)] : [],
    ...all.some(({ learnt }) => learnt !== null) ? [losses(all), timedAlone(all), howTrained(all)] : [],
  ].filter((part) => part !== null).join("\n\n");
}

/** What fits into the bytes of `exact`, as a table. */
export function affordable(all: readonly Reinvestment[]): string {
  const rows = all.flatMap((one) => {
    const policies = [...Map.groupBy(one.found, ({ policy }) => policy)];
    return policies.map(([policy, found], i) => [
      ...i === 0 ? [nameOf(one), bytes(one.budgetBytes)] : ["", ""],
      code(policy),
      ...found.map(({ size, bufferBytes, next }) => {
        const beyond = next.wantedBytes === null ? "" : `; ${number(next.size)}: ${bytes(next.wantedBytes)}`;
        return size > 0 ? `**${number(size)}**: ${bytes(bufferBytes!)}${beyond}` : `none${beyond}`;
      }),
    ]);
  });
  return table(["`exact` at", "its buffers", "policy", "batch", "layers", "channels"], rows, 3);
}

/** "48 sequences", "9 layers", "416 wide", "the same": the size of an arm, by what has grown. */
export function sizeOf(
  { into, cell: { configuration: { batch }, records: [{ architecture }] } }: InvestedArm,
): string {
  const { layers, width } = architecture as Pick<ModelConfig, "layers" | "width">;
  switch (into) {
    case "batch":
      return `${number(batch)} ${units.batch}`;
    case "depth":
      return `${number(layers)} ${units.depth}`;
    case "width":
      return `${number(width)} ${units.width}`;
    case undefined:
      return "the same";
  }
}

/** A row for `exact` and one for each arm, the name of the comparison before the first. */
function rowsOf(
  all: readonly Invested[],
  exact: (one: Invested) => string[],
  arm: (arm: InvestedArm) => string[],
) {
  return all.flatMap((one) => [
    [nameOf(one.found), "`exact`", "the same", ...exact(one)],
    ...one.arms.map((own) => ["", code(own.policy), sizeOf(own), ...arm(own)]),
  ]);
}

const leads = ["model, step", "policy", "size"];

function speeds(all: readonly Invested[]): string {
  const columns = (cell: Cell) => [
    number(cell.parameters),
    cell.memory ? bytes(cell.memory.bufferBytes) : "–",
    cell.tokensPerSecond === null ? "–" : number(cell.tokensPerSecond),
  ];
  return table(
    [...leads, "parameters", "buffers", "tokens/s", "against `exact`"],
    rowsOf(
      all,
      ({ exact }) => [
        ...columns(exact),
        withFailure(exact.tokensPerSecond === null ? null : ratio(1), exact.records),
      ],
      ({ cell, speed }) => [
        ...columns(cell),
        withFailure(speed && speedWords(speed).join(" "), cell.records),
      ],
    ),
    3,
  );
}

/** What was measured, and beside it which of the runs came to no end. */
const withFailure = (text: string | null, records: readonly CellRecord[]) =>
  [text, failureWords(records)].filter((part) => part !== null).join("; ") || "–";

/** What was trained at each budget. */
const trainedOf = (all: readonly Invested[]): Invested[] =>
  all.filter(({ learnt }) => learnt !== null).map((one) => ({ ...one, arms: one.arms.filter(isTrained) }));

/** What was timed alone where others were trained, as a sentence; null if nothing was. */
function timedAlone(all: readonly Invested[]): string | null {
  const arms = all.filter(({ learnt }) => learnt !== null).flatMap((one) => one.arms);
  const [grown, same] = [true, false].map((wanted) => arms.filter(({ into }) => Boolean(into) === wanted));
  const policies = [...Map.groupBy(grown, ({ policy }) => policy)]
    .flatMap(([policy, own]) => own.some(isTrained) ? [] : [code(policy)]);
  const told = [
    ...same.some((arm) => !isTrained(arm))
      ? ["policies at `exact`'s own size (whether they train as well there is what `parity` asks)"]
      : [],
    ...policies.length ? [`${list(policies)} at any`] : [],
  ];
  return told.length === 0 ? null : `Timed alone, and so without a loss: ${list(told)}.`;
}

/** Losses less `exact`'s of what was trained, as a table. */
export function losses(all: readonly Invested[]): string {
  const trained = trainedOf(all);
  const columns = (arm: InvestedArm) =>
    equals.flatMap((equal) => {
      const outcome = arm.outcomes[equal];
      if (!outcome) return [withFailure(null, arm.records[equal]), "–", "–"];
      const { steps, losses, [equal]: share, verdict } = outcome;
      const text = differenceText(losses);
      return [
        number(Math.round(steps)),
        share === null ? "–" : share.toFixed(3),
        withFailure(verdict ? `${text} **${verdict}**` : text, arm.records[equal]),
      ];
    });
  const exactColumns = ({ exact }: Invested) => {
    const { qualitySteps } = exact.records.find(({ quality }) => quality)!.configuration;
    const all = [...exact.qualities.values()].flatMap(({ validationLoss }) => validationLoss ?? []);
    const loss = all.length ? `${(all.reduce((sum, loss) => sum + loss) / all.length).toFixed(4)} nats` : "–";
    return equals.flatMap(() => [number(qualitySteps), "1", loss]);
  };
  const rows = rowsOf(
    trained,
    (one) => [rateOf(one.exact), ...exactColumns(one)],
    (arm) => [rateOf(arm.cell), ...columns(arm)],
  );
  return table(
    [
      ...leads,
      "learning rate",
      ...equals.flatMap((equal) => ["steps", `of \`exact\`'s ${equal}`, `loss in equal ${equal}`]),
    ],
    rows,
    3,
  );
}

/** "+0.0015 (-0.0021 to +0.0050), +0.05%"; of one seed without an interval. */
function differenceText({ difference, differences, loss }: Outcome["losses"]): string {
  if (!differences || loss === null) return "not a number";
  const [one] = differences;
  const [nats, mean] = difference ? [natsText(difference), difference.mean] : [signed(one), one];
  return `${nats}, ${percentage(mean / loss, true)}`;
}

const rateOf = ({ configuration: { learningRate } }: Cell) => learningRate.toPrecision(3);

function howTrained(all: readonly Invested[]): string {
  const seeds = Math.max(...all.map(({ exact }) => exact.qualities.size));
  const images = all.some(({ exact: { records: [{ data }] } }) => data.kind === "images");
  return [
    `The loss is the validation loss after ${
      plural(seeds, "training run", "training runs")
    } of each, from the same seeds, ${
      images
        ? "on the same held-out images, but for those that fill no whole batch of a size"
        : "all on the same windows of held-out data"
    }: of \`exact\` as it is, of others ` +
    "less `exact`'s, " +
    (seeds > 1
      ? "with Student's 95% interval of pairs, and as a share of it. **lower** and **higher** are tested: Student's paired test at 5%, by Holm's " +
        `procedure over all ways to re-invest a budget, in equal time and in equal tokens each by itself; ${
          falseWords(all)
        } The intervals ` +
        "beside losses are of one comparison each, and count no others."
      : "and as a share of it. One seed has no interval, and nothing is tested."),
    "Equal tokens are as many steps as take `exact`'s sequences, to the nearest. Equal time is as many steps as take `exact`'s by the speeds that " +
    "were measured before the sweep and stand in each cell; by the paired speeds of the sweep's own rounds they took the share of its time that " +
    `stands beside. Of either, more than ${wholePercentage(1 + equalTolerance)} is no lower loss, less than ${
      wholePercentage(1 - equalTolerance)
    } no higher one. ` +
    "Every run's schedule ends at zero with its own last step. Time is that of training steps: no setting up, no validation.",
    rateRule,
  ].join("\n\n");
}

/** "of 6 such tests one is false by chance with a probability of at most 26%." */
export function falseWords(all: readonly Invested[]): string {
  const tests =
    all.flatMap(({ arms }) => equals.filter((equal) => tallyOf(arms, equal).ways.length > 0)).length;
  return `of ${plural(tests, "such test")} one is false by chance with a probability of at most ${
    wholePercentage(1 - (1 - level) ** tests)
  }.`;
}

/** What re-invested memory brings, as sentences; null where nothing was re-invested. */
export function reinvestmentAnswer({ reinvest = [] }: Found, records: readonly CellRecord[]): string | null {
  const all = invested(records, reinvest);
  if (all.length === 0) return null;
  const lines = all.map((one) =>
    `- ${nameOf(one.found)}, ${bytes(one.found.budgetBytes)}: ${
      one.learnt === null
        ? bySpeed(one)
        : one.learnt
        ? `${[...notEnded(unendedExact(one)), ...equals.map((equal) => byLoss(one, equal))].join("; ")}.`
        : `losses say nothing, as \`exact\` does no better than what is known of the data without a network. ${
          bySpeed(one)
        }`
    }`
  );
  return ["Memory that `exact` takes, re-invested under policies that save it:", lines.join("\n")].join(
    "\n\n",
  );
}

/** "in equal time 3 of 9 ways measurably lower the loss, 1 raises it, 1 did not run to the end" */
export function tallyWords(equal: Equal, { ways, failed, lower, higher, diverged, apart }: Tally): string {
  const were = equal === "time" ? "was" : "were";
  const unequal = apart > 0 ? ` (the ${equal} of ${apart} ${were} not equal)` : "";
  const ended = [
    ...diverged > 0 ? [`, ${diverged} diverged`] : [],
    ...failed.length > 0 ? [`, ${failed.length} did not run to the end`] : [],
  ].join("");
  return `in equal ${equal} ${lower} of ${ways.length + failed.length} ways measurably ${
    lower === 1 ? "lowers" : "lower"
  } the loss, ${higher} ${higher === 1 ? "raises" : "raise"} it${unequal}${ended}`;
}

/** "`mesa8` with 9 layers (timed out, 1 of 3 runs)": those of the ways to re-invest that came to no end. */
const unended = (
  arms: readonly InvestedArm[],
  recordsOf: (arm: InvestedArm) => readonly CellRecord[],
): string[] =>
  arms.flatMap((arm) => {
    const failure = arm.into && failureWords(recordsOf(arm));
    return failure ? [`${code(arm.policy)} with ${sizeOf(arm)} (${failure})`] : [];
  });

/** "`exact` (timed out)" where it came to no end. */
const unendedExact = ({ exact }: Invested): string[] => {
  const failure = failureWords(exact.records);
  return failure ? [`${code("exact")} (${failure})`] : [];
};

const notEnded = (names: readonly string[]) =>
  names.length > 0 ? [`${list(names)} did not run to the end`] : [];

function byLoss({ arms }: Invested, equal: Equal): string {
  return [lossWords(arms, equal), ...notEnded(unended(arms, ({ records }) => records[equal]))].join("; ");
}

function lossWords(arms: readonly InvestedArm[], equal: Equal): string {
  const tally = tallyOf(arms, equal);
  const { ways } = tally;
  if (ways.length === 0) return `in equal ${equal} no loss of more than one seed is known`;
  const verdict = tallyWords(equal, tally);
  const [best] = ways.filter(({ outcome }) => outcome.verdict === "lower")
    .toSorted((a, b) => a.outcome.losses.difference!.mean - b.outcome.losses.difference!.mean);
  if (!best) return verdict;
  const { difference, loss } = best.outcome.losses;
  return `${verdict}; the lowest of those is ${code(best.arm.policy)} with ${sizeOf(best.arm)}, ${
    signed(difference!.mean)
  } nats (${signed(difference!.low)} to ${signed(difference!.high)}; ${
    percentage(difference!.mean / loss!, true)
  })`;
}

/** "`mesa8` takes 48 sequences at 0.970× (0.968–0.972) of `exact`'s tokens a second, …"; a software adapter's speeds are none. */
function bySpeed(one: Invested): string {
  const { arms, exact } = one;
  const isTimed = exact.records[0].environment.adapterClass !== "software";
  const ended = arms.filter(({ into, cell }) => into && cell.records.some(ran));
  const sizes = (some: readonly InvestedArm[], end: string, at: (arm: InvestedArm) => string = () => "") =>
    some.length > 0
      ? [`${list(some.map((arm) => `${code(arm.policy)} takes ${sizeOf(arm)}${at(arm)}`))}${end}.`]
      : [];
  const [timed, others] = [true, false].map((wanted) =>
    ended.filter(({ speed }) => (isTimed && speed !== null) === wanted)
  );
  const failed = unended(arms, ({ records: { tokens, time } }) => [...tokens, ...time]);
  return [
    ...sizes(timed, " of `exact`'s tokens a second", ({ speed }) => ` at ${speedWords(speed!).join(" ")}`),
    ...sizes(others, ""),
    ...notEnded([...unendedExact(one), ...failed]).map((sentence) => `${sentence}.`),
  ].join(" ") || "Nothing was re-invested.";
}
