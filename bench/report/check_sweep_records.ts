import { UserError } from "../../src/errors.ts";
import { inputOf } from "../../src/models/model_config.ts";
import { type CellConfiguration, type CellRecord, modelOf, ran } from "../results/results.ts";
import { processName } from "../results/process_name.ts";
import { type Finding, finding } from "./finding.ts";

/** Whether each record has what its configuration asks for and its status says, of the model that it names. */
export function checkRecords(records: readonly CellRecord[]): Finding {
  const faults = (record: CellRecord) =>
    [statusFaults, timeFaults, qualityFaults, gradientFaults, rankFaults, modelFaults]
      .flatMap((faultsOf) => faultsOf(record)).map((fault) =>
        `${processName(record.configuration)} ${fault}`
      );
  return finding(
    [...records.flatMap(faults), ...uncompared(records), ...validatedOtherwise(records)],
    "every record has the times, losses and gradient errors that it was to have, of the model that it names",
  );
}

/** What is wrong with a record's losses. */
export function lossFaults({ configuration, status, quality }: CellRecord): string[] {
  if (!quality) return [];
  const name = processName(configuration);
  const { trainingLosses, validationLoss } = quality;
  const negative = [...trainingLosses, validationLoss].some((loss) => loss !== null && loss < 0)
    ? [`${name} has a negative loss`]
    : [];
  if (status === "diverged") return negative;
  return [
    ...negative,
    ...[...trainingLosses, validationLoss].includes(null)
      ? [`${name} has a loss that is no number and is not marked as diverged`]
      : [],
    ...trainingLosses.length === configuration.qualitySteps
      ? []
      : [`${name} has ${trainingLosses.length} losses of ${configuration.qualitySteps} steps`],
  ];
}

function statusFaults(
  { configuration, status, message, program, memory, timing, quality }: CellRecord,
): string[] {
  const { qualitySteps } = configuration;
  const losses = quality ? [...quality.trainingLosses, quality.validationLoss] : [];
  switch (status) {
    case "ok":
      return [
        ...timing ? [] : ["ran to its end and has no times"],
        ...program && memory ? [] : ["ran to its end and tells no program, or no memory"],
        ...quality || qualitySteps === 0 ? [] : [`trained ${qualitySteps} steps and has no losses`],
      ];
    case "oom":
      return timing || quality ? ["ran out of memory and has times or losses"] : [];
    case "diverged": // a timed step's loss, or a gradient, is told by the message alone
      return message === null && !losses.includes(null) ? ["diverged, and nothing says where"] : [];
    default:
      return [];
  }
}

function timeFaults({ configuration: { timedSteps }, timing }: CellRecord): string[] {
  if (!timing) return [];
  const { stepMilliseconds } = timing;
  return [
    ...stepMilliseconds.length !== timedSteps
      ? [`has times of ${stepMilliseconds.length} steps, where ${timedSteps} were timed`]
      : [],
    ...stepMilliseconds.every((time) => time > 0) ? [] : ["has a step that took no time"],
  ];
}

/** Whether answers are right is told of images, and of them alone; and losses of what was to train. */
function qualityFaults({ configuration: { qualitySteps }, data, quality }: CellRecord): string[] {
  if (!quality) return [];
  const answers = quality.validationTop1 !== null;
  return [
    ...qualitySteps > 0 ? [] : ["has losses, and was only to be timed"],
    ...answers === (data.kind === "images")
      ? []
      : [`tells ${answers ? "" : "no "}right answers of ${data.name}`],
  ];
}

/** Each rank tells of itself, and of its exchanges in each timed step, where several share the steps. */
function rankFaults(record: CellRecord): string[] {
  const { configuration: { ranks: wanted = 1, timedSteps }, ranks = [] } = record;
  if (!ran(record)) return [];
  const told = wanted > 1 ? wanted : 0;
  if (ranks.length !== told) return [`tells of ${ranks.length} ranks, where it had ${wanted}`];
  return ranks.every(({ exchanges }) => exchanges.length === timedSteps)
    ? []
    : ["has a rank that does not tell of its exchanges in each step"];
}

/** Gradients are compared at every so many steps, or, where `exact`'s do not fit beside the cell, at none. */
function gradientFaults(record: CellRecord): string[] {
  const { configuration: { gradientEvery, qualitySteps }, quality } = record;
  const errors = quality?.gradientErrors ?? [];
  if (!ran(record) || errors.length === 0) return [];
  const steps = gradientEvery > 0 ? Math.floor(qualitySteps / gradientEvery) : 0;
  const whole = errors.length === steps && errors.every(({ step }, i) => step === (i + 1) * gradientEvery);
  return whole ? [] : [`has gradient errors at ${errors.length} steps, which are not the ${steps} planned`];
}

/** Records without gradient errors that other rounds of the same cell have: what fits in one round fits in all. */
function uncompared(records: readonly CellRecord[]): string[] {
  const compared = records.filter((record) =>
    ran(record) && record.configuration.gradientEvery > 0 && record.quality
  );
  const cells = Map.groupBy(compared, ({ configuration }) => cellOf(configuration));
  return [...cells.values()].flatMap((rounds) => {
    const without = rounds.filter(({ quality }) => quality!.gradientErrors.length === 0);
    return without.length === rounds.length
      ? []
      : without.map(({ configuration }) =>
        `${processName(configuration)} has no gradient errors, which another round of its cell has`
      );
  });
}

/** Records whose validation loss is of other targets than that of the first of their size. */
function validatedOtherwise(records: readonly CellRecord[]): string[] {
  const sizes = Map.groupBy(
    records.filter(({ quality }) => quality),
    ({ configuration: { model, sequence, batch, ranks, reinvested }, data }) =>
      JSON.stringify([model, sequence, batch, ranks, reinvested?.batch, data.digest]),
  );
  return [...sizes.values()].flatMap(([first, ...others]) => {
    const targets = first.quality!.validationTargets;
    return others.filter(({ quality }) => quality!.validationTargets !== targets).map((
      { configuration, quality },
    ) =>
      `${processName(configuration)} was validated on ${quality!.validationTargets} targets, where ${
        processName(first.configuration)
      } was on ${targets}`
    );
  });
}

const cellOf = ({ seed: _, round: __, ...cell }: CellConfiguration) => JSON.stringify(cell);

/** A model of images has as many classes as they have, if that is more; a name that is no preset's any more is not known. */
function modelFaults({ configuration, architecture, data }: CellRecord): string[] {
  const model = told(configuration);
  if (!model) return [];
  if (inputOf(model).kind !== data.kind) return [`was trained on ${data.name}, which its model cannot read`];
  const fitted = data.kind === "images" && "classes" in model
    ? { ...model, classes: Math.max(model.classes, data.classes) }
    : model;
  const [own, wanted] = [architecture, fitted].map((sizes) => new Map(Object.entries(sizes)));
  wanted.delete("name");
  const different = [...new Set([...own.keys(), ...wanted.keys()])].filter((size) =>
    JSON.stringify(own.get(size)) !== JSON.stringify(wanted.get(size))
  );
  return different.length === 0 ? [] : [`has a model of another ${different.join(", ")} than it names`];
}

/** The model of a configuration; null of a name that no preset has. */
function told(configuration: CellConfiguration) {
  try {
    return modelOf(configuration);
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
