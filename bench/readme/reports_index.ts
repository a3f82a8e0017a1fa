import { z } from "zod";
import type { Runtime } from "../../src/adapter/runtime.ts";
import { programOutput } from "../../src/io/program_output.ts";
import { lossDifferences } from "../report/losses.ts";
import { type Cell, compare } from "../report/cell_rounds.ts";
import { commandCode } from "../report/command.ts";
import { gradientError } from "../report/gradient_tables.ts";
import type { Comparison } from "../report/side_by_side.ts";
import { statesTable } from "../report/states_table.ts";
import { toldMaking } from "../report/sweep_files.ts";
import { table } from "../report/words.ts";
import { kindOf, parseSweep, readResultsText } from "../results/read_results.ts";
import { adapterTitle, environment, runtimeOf } from "../results/results.ts";
import type { SweepHeader } from "../results/run_header.ts";
import { versionOf } from "./making.ts";

/** A report as the index tells it. */
export interface Entry {
  /** Its folder, below the folder of all reports. */
  folder: string;
  questions: string[];
  /** What was measured for them of this program, in few words. */
  measured: string[];
  card: string;
  /** The same without its runtime, which stands by itself; its driver, where that could be asked. */
  adapter: string;
  driver: string | null;
  runtime: Runtime;
  software: boolean;
  /** "micro, mini and small"; empty where no model is swept over. */
  models: string;
  date: string;
  commit: string;
  command: string;
}

/** A question, and what was measured for it, in few words. */
interface Question {
  readonly question: string;
  readonly measured: string;
}

/** What is asked of a sweep, and whether one answers it; a sweep that answers none of the others answers the last. */
const asked: readonly (Question & {
  answers(comparisons: Comparison<Cell>[], header: SweepHeader | null): boolean;
})[] = [
  {
    question: "Does training suffer?",
    measured: "losses beside `exact`'s",
    answers: (comparisons) => lossDifferences(comparisons).length > 0,
  },
  {
    question: "How far is the gradient from `exact`'s?",
    measured: "gradient error",
    answers: (comparisons) => cellsOf(comparisons).some((cell) => gradientError(cell) !== null),
  },
  {
    question: "What is worth it, of all policies with all choices of a step?",
    measured: "policies with choices of a step",
    answers: (_, header) => header?.frontier !== undefined,
  },
  {
    question: "Is saved memory better re-invested?",
    measured: "memory re-invested",
    answers: (_, header) => header?.reinvest !== undefined,
  },
  {
    question: "How long may a sequence be?",
    measured: "the longest sequences",
    answers: (_, header) => header?.longest !== undefined,
  },
  {
    question: "What fits where something else does not?",
    measured: "what does not fit",
    answers: (comparisons) => cellsOf(comparisons).some(({ failure }) => failure?.status === "oom"),
  },
  {
    question: "How small can weights, moments and gradients be?",
    measured: "weights and moments in fewer bytes",
    answers: (comparisons) => statesTable(comparisons) !== null,
  },
  {
    question: "What does a policy save, and what does it cost in speed?",
    measured: "memory and speed",
    answers: () => true,
  },
];

/** What other kinds of results answer. PyTorch's do not tell where this program runs. */
const ofKind: Readonly<Record<string, Question>> = {
  kernels: { question: "How near do the kernels come to what the card can do?", measured: "kernels" },
  profile: { question: "Where does the time of a step go?", measured: "a step's dispatches" },
  peers: { question: "How does PyTorch fare on the same card?", measured: "" },
};

const questions = [...asked.toReversed(), ...Object.values(ofKind)].map(({ question }) => question);

const cellsOf = (comparisons: Comparison<Cell>[]) => comparisons.flatMap(({ cells }) => [...cells.values()]);

/** The beginning of any header. */
const making = z.object({
  command: z.string(),
  started: z.string(),
  environment: z.object({
    adapter: z.string(),
    adapterClass: z.string(),
    driver: z.string().nullable(),
    runtime: environment.shape.runtime,
    commit: z.string().nullable(),
    dirty: z.boolean().nullable(),
  }),
});

/** What `.ci/gpu` compares with: a card's last accepted run, no published report. */
const isBaseline = (folder: string) => folder.startsWith("baselines/");

/** Every published report below a folder, by path; of a checkout those that git tracks, as a user's own lie beside them. */
export async function readEntries(root: string): Promise<Entry[]> {
  const all = await trackedFolders(root) ?? await resultFolders(root, "");
  const folders = all.filter((folder) => !isBaseline(folder)).sort();
  return await Promise.all(folders.map((folder) => readEntry(root, folder)));
}

/** Null where git knows of none: the sources may be here without their history. */
async function trackedFolders(root: string): Promise<string[] | null> {
  const { text } = await programOutput("git", ["ls-files", "*/results.jsonl"], { cwd: root });
  return text ? text.split("\n").map((path) => path.slice(0, path.lastIndexOf("/"))) : null;
}

async function resultFolders(root: string, below: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(`${root}/${below}`));
  const inner = await Promise.all(
    entries.filter(({ isDirectory }) => isDirectory).map(({ name }) =>
      resultFolders(root, `${below}${name}/`)
    ),
  );
  const own = entries.some(({ name }) => name === "results.jsonl") ? [below.replace(/\/$/, "")] : [];
  return [...own, ...inner.flat()];
}

async function readEntry(root: string, folder: string): Promise<Entry> {
  const text = await readResultsText(`${root}/${folder}`);
  const kind = kindOf(text);
  if (kind !== "sweep") {
    const { command, started, environment } = making.parse(JSON.parse(text.slice(0, text.indexOf("\n"))));
    return entry(folder, {
      command,
      started,
      environment,
      answered: [ofKind[kind] ?? { question: kind, measured: kind }],
      models: [],
    });
  }
  const { header, records } = parseSweep(text);
  const told = toldMaking(await Deno.readTextFile(`${root}/${folder}/report.md`).catch(() => ""));
  const comparisons = compare(records);
  const answered = asked.slice(0, -1).filter(({ answers }) => answers(comparisons, header));
  return entry(folder, {
    command: header?.command ?? told.command ?? "deno task bench",
    started: header?.started ?? told.started ?? records[0].started,
    environment: records[0].environment,
    answered: answered.length ? answered : asked.slice(-1),
    models: [...new Set(comparisons.map(({ model }) => model))],
  });
}

function entry(
  folder: string,
  { command, started, environment, answered, models }: z.infer<typeof making> & {
    answered: readonly Question[];
    models: string[];
  },
): Entry {
  return {
    ...{ folder, command },
    questions: answered.map(({ question }) => question),
    measured: answered.flatMap(({ measured }) => measured === "" ? [] : [measured]),
    card: adapterTitle(environment),
    adapter: environment.adapter,
    driver: environment.driver,
    runtime: runtimeOf(environment),
    software: environment.adapterClass === "software",
    models: models.join(", "),
    date: started.slice(0, 10),
    commit: versionOf(environment).join(),
  };
}

/** The reports by question, and by card within one (software adapters last), as markdown. */
export function reportsIndex(entries: readonly Entry[]): string {
  return questions.flatMap((question) => {
    const of = entries.filter((entry) => entry.questions.includes(question))
      .toSorted((a, b) =>
        Number(a.software) - Number(b.software) || a.card.localeCompare(b.card, "en") ||
        b.date.localeCompare(a.date, "en")
      );
    if (of.length === 0) return [];
    const rows = of.map(({ folder, card, models, date, commit, command }) => [
      card,
      `[${folder}](${folder}/report.md)`,
      models || "–",
      date,
      commit || "–",
      commandCode(command).replaceAll("|", "\\|"),
    ]);
    return [`### ${question}`, table(["card", "report", "models", "date", "commit", "command"], rows, 6)];
  }).join("\n\n");
}
