import { names } from "./side_by_side.ts";
import { number, plural } from "../../src/text/format.ts";
import type { SweepResults } from "../results/read_results.ts";
import { type CellConfiguration, type CellRecord, keyOf, ran, runtimeOf } from "../results/results.ts";
import { type Frontier, isOf, type LongestSequences, type SweepHeader } from "../results/run_header.ts";
import { missingCells, type Needless, passedOver } from "../sweep/outcomes.ts";
import { checkReinvested } from "./check_reinvested.ts";
import { type Finding, finding } from "./finding.ts";
import { cellsToRun } from "../sweep/shards.ts";

/** Whether the results of a sweep are whole, of one making, and what they say they are. */
export function checkSweep({ header, records, skipped, versions }: SweepResults): Finding[] {
  return [
    finding(
      records.length === 0 ? ["there is no record"] : skipped,
      `${plural(records.length, "record")}, each a whole line of version ${versions.join(" and ")}`,
    ),
    checkPlan(header, records),
    finding(twice(records), "no process is recorded twice"),
    checkEndings(records),
    finding(records.flatMap(lossFaults), "every loss is a number, but of runs that are marked as diverged"),
    checkMaking(header, records),
    ...records.some(({ ranks }) => ranks) ? [finding(records.flatMap(rankFaults), partsFit)] : [],
    ...header?.longest ? [checkLongest(header, header.longest, records)] : [],
    ...header?.reinvest ? [checkReinvested(header.reinvest, records)] : [],
    ...header?.frontier ? [checkFrontier(header.frontier, records)] : [],
  ];
}

const nameOf = (cell: CellConfiguration) =>
  `${names({ ...cell, choices: cell }).join(" ")} ${cell.policy}, ${
    cell.again ? "once more" : `round ${cell.round + 1}`
  }`;

function checkPlan(header: SweepHeader | null, records: readonly CellRecord[]): Finding {
  if (!header) return { pass: true, text: "what was planned is not told, as in no file of versions 1 and 2" };
  const planned = new Set(cellsToRun(header).map(keyOf));
  const part = header.shard ? ` of shard ${header.shard.index} of ${header.shard.of}` : "";
  const strange = records.filter(({ configuration }) => !planned.has(keyOf(configuration)));
  const missing = missingCells(header, records);
  return finding(
    [
      ...strange.map(({ configuration }) => `${nameOf(configuration)} was not planned`),
      ...missing.map((cell) => `${nameOf(cell)} is missing: run it with --resume`),
    ],
    `${records.length} of ${plural(planned.size, "planned process", "planned processes")}${part}${
      toldPassedOver(header, records)
    }`,
  );
}

const afterWhat: Readonly<Record<Needless, string>> = {
  oom: "a cell that did not fit",
  timeout: "a cell that timed out",
  error: "a cell that failed",
  known: "a comparison had ended",
};

/** "; 3 passed over after a cell that did not fit, 2 after a comparison had ended" */
const toldPassedOver = (header: SweepHeader, records: readonly CellRecord[]): string =>
  [...passedOver(header, records)].map(([needless, count], place) =>
    `${place === 0 ? `; ${count} passed over` : `, ${count}`} after ${afterWhat[needless]}`
  ).join("");

function twice(records: readonly CellRecord[]): string[] {
  const groups = Map.groupBy(records, ({ configuration }) => keyOf(configuration));
  return [...groups.values()].filter(({ length }) => length > 1)
    .map(([{ configuration }, ...others]) =>
      `${nameOf(configuration)} is recorded ${1 + others.length} times`
    );
}

function checkEndings(records: readonly CellRecord[]): Finding {
  const failed = records.filter((record) => !ran(record) && record.status !== "oom");
  const count = (status: CellRecord["status"]) => records.filter((record) => record.status === status).length;
  const counts = `${count("ok")} ok, ${count("oom")} out of memory, ${count("diverged")} diverged`;
  return finding(
    failed.map(({ configuration, message }) => `${nameOf(configuration)} failed: ${message}`),
    counts,
  );
}

function lossFaults({ configuration, status, quality }: CellRecord): string[] {
  if (!quality || status === "diverged") return [];
  const losses = [...quality.trainingLosses, quality.validationLoss];
  const whole = quality.trainingLosses.length === configuration.qualitySteps;
  return [
    ...losses.includes(null)
      ? [`${nameOf(configuration)} has a loss that is no number and is not marked as diverged`]
      : [],
    ...whole ? [] : [
      `${
        nameOf(configuration)
      } has ${quality.trainingLosses.length} losses of ${configuration.qualitySteps} steps`,
    ],
  ];
}

const partsFit = "no rank's part of a step takes longer than the step";

/**
 * What two clocks may disagree by in a step, as a share of it. Of the H200s' steps the parts together took 3.3% more at the most, which was what
 * they computed beside an exchange; of llvmpipe's on two busy cores 5.3%.
 */
const clockNoise = 0.05;

/**
 * Ranks whose computing and mapping, or whose mapping, transfer and writing, took longer than the step: only what is computed beside a transfer is
 * in both. Steps that share the time of a window are taken together.
 */
function rankFaults({ configuration, ranks = [], timing }: CellRecord): string[] {
  if (!timing) return [];
  const { clock, stepMilliseconds } = timing;
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  const all = stepMilliseconds.map((_, i) => i);
  const spans = clock === "gpu" ? all.map((i) => [i]) : [all];
  return ranks.flatMap(({ exchanges }, rank) =>
    exchanges.length === 0 ? [] : spans.flatMap((steps) => {
      const took = (part: "compute" | "map" | "transfer" | "write") =>
        sum(steps.map((i) => exchanges[i]?.[part] ?? 0));
      const parts = took("map") + Math.max(took("compute"), took("transfer") + took("write"));
      const step = sum(steps.map((i) => stepMilliseconds[i]));
      const which = clock === "gpu" ? `step ${steps[0] + 1}` : "its steps together";
      return parts <= step * (1 + clockNoise) ? [] : [
        `${nameOf(configuration)} has parts of rank ${rank} that take ${
          number(parts)
        } ms of ${which}, which took ${number(step)} ms`,
      ];
    })
  );
}

/** One adapter, driver, version and text for all, those of the header. */
function checkMaking(header: SweepHeader | null, records: readonly CellRecord[]): Finding {
  const environments = [...header ? [header] : [], ...records].map(({ environment }) => environment);
  const kinds: [string, (string | null)[]][] = [
    ["adapters", environments.map(({ adapter }) => adapter)],
    ["drivers", environments.map(({ driver }) => driver)],
    ["runtimes", environments.map(runtimeOf)],
    ["versions of Deno", environments.map(({ deno }) => deno)],
    ["commits", environments.map(({ commit }) => commit)],
    ["texts", records.flatMap(({ data }) => data.kind === "text" ? data.digest : [])],
    ["sets of images", imageSets(records)],
  ];
  const told = header && new Set(header.data.map(({ digest }) => digest));
  const strangers = told ? records.filter(({ data }) => !told.has(data.digest)) : [];
  return finding(
    [
      ...kinds.flatMap(([name, values]) => {
        const distinct = [...new Set(values)];
        return distinct.length > 1 ? [`${distinct.length} ${name}: ${distinct.join(", ")}`] : [];
      }),
      ...strangers.map(({ configuration, data }) =>
        `${
          nameOf(configuration)
        } was trained on ${data.name} (${data.digest}), which the header does not name`
      ),
    ],
    "one adapter, driver, commit and text throughout",
  );
}

/** Digests of images, those of one size: a model of larger images has them resized. */
function imageSets(records: readonly CellRecord[]): string[] {
  const bySize = Map.groupBy(
    records.filter(({ data }) => data.kind === "images"),
    ({ architecture }) => "image" in architecture ? architecture.image : 0,
  );
  const mixed = [...bySize.values()].find((group) => new Set(group.map(({ data }) => data.digest)).size > 1);
  return (mixed ?? []).map(({ data }) => data.digest);
}

/** Whether lengths that were found by plan are within what there was, and took the bytes that they were planned with where they ran. */
function checkLongest(
  { memory }: SweepHeader,
  { unit, found }: LongestSequences,
  records: readonly CellRecord[],
): Finding {
  return finding(
    found.flatMap((one) => {
      const { model, policy, sequence, limit } = one;
      const name = `${model} ${one.batch} × ${sequence} ${policy}`;
      const planned = one.memory?.bufferBytes ?? 0;
      const fits = sequence === 0 || planned <= (memory ?? Infinity);
      const ran = records.filter(({ configuration: cell, memory: own }) =>
        cell.sequence === sequence && cell.policy === policy && !cell.variants && isOf(one, cell) && own
      );
      return [
        ...sequence % unit ? [`${name} is no multiple of ${unit} tokens`] : [],
        ...fits && limit.wanted > limit.most ? [] : [`${name} is not the longest that fits`],
        ...ran.some(({ memory: own }) => own!.bufferBytes !== planned)
          ? [`${name} took other bytes than its length was found with`]
          : [],
      ];
    }),
    `${plural(found.length, "longest sequence")} by plan within what there was`,
  );
}

/** Whether every cell of a frontier was planned, and took the bytes that it was planned with where its kernels were those of the tables. */
function checkFrontier({ most, planned }: Frontier, records: readonly CellRecord[]): Finding {
  const keyOf = (one: { model: string; sequence: number; batch: number }, name: string) =>
    JSON.stringify([one.model, one.sequence, one.batch, name]);
  const plans = new Map(planned.map((one) => [keyOf(one, one.name), one]));
  const cells = new Map(
    records.map((record) => [keyOf(record.configuration, record.configuration.policy), record]),
  );
  const bySize = Map.groupBy(cells.values(), ({ configuration: cell }) => keyOf(cell, ""));
  return finding(
    [
      ...[...bySize.values()].flatMap(({ length }) =>
        length > most ? [`${length} combinations of one size were measured, more than ${most}`] : []
      ),
      ...[...cells].flatMap(([key, { configuration, memory }]) => {
        const plan = plans.get(key);
        if (!plan) return [`${nameOf(configuration)} is no combination that was planned`];
        const same = configuration.variants || !memory || memory.bufferBytes === plan.memory?.bufferBytes;
        return same ? [] : [`${nameOf(configuration)} took other bytes than it was planned with`];
      }),
    ],
    `${plural(planned.length, "combination")} by plan, ${cells.size} of them measured`,
  );
}
