import { number, ratio } from "../../src/text/format.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import { runtimeOf } from "../results/results.ts";
import type { Cell } from "../report/cell_rounds.ts";
import { costSentence, lossDifferences, verdictSentence } from "../report/losses.ts";
import { baseOf, type Comparison, names } from "../report/side_by_side.ts";
import { speedText } from "../report/speeds.ts";
import { buffers } from "../report/tables.ts";
import { list, paragraph, range, table } from "../report/words.ts";
import { lossParts } from "./loss_parts.ts";
import { picture, sources } from "./making.ts";
import type { Reports, Sweep } from "./reports.ts";

/** A comparison in one arithmetic, beside the same natively in f32. */
interface Beside {
  readonly arithmetic: string;
  readonly runtime: string;
  readonly own: Comparison<Cell>;
  readonly native: Comparison<Cell>;
}

/** What was measured of something: the answer, what else is to be said, and what shows it. */
interface Part {
  readonly answer: string;
  readonly detail: string | null;
  readonly shown: readonly string[];
}

/** Products on tensor cores, which a second runtime opens: speed beside f32 as Deno itself runs it, and whether training suffers. */
export function arithmeticSection({ sweeps }: Reports): string | null {
  const parts = [speeds(sweeps), losses(sweeps)].filter((part) => part !== null);
  if (parts.length === 0) return null;
  return [
    "### Tensor cores",
    ...paragraph(...parts.map(({ answer }) => answer)),
    ...paragraph(...parts.map(({ detail }) => detail)),
    ...parts.flatMap(({ shown }) => shown),
  ].join("\n\n");
}

/** Whether training in other arithmetic ends as well: the verdicts, then the table. */
function losses({ qualityArithmetic: sweep }: Reports["sweeps"]): Part | null {
  const tested = sweep ? lossDifferences(sweep.comparisons) : [];
  if (!sweep || tested.length === 0) return null;
  return {
    answer: verdictSentence(tested),
    detail: costSentence(tested),
    shown: [
      ...lossParts(sweep.comparisons),
      sources(sweep),
      picture(sweep, "loss_difference.svg", "Training loss less that of exact from the same seeds"),
    ],
  };
}

/** How fast steps are: a sentence, then the table; of models that were measured natively and in other arithmetic. */
function speeds(sweeps: Reports["sweeps"]): Part | null {
  const { stepsNative: native } = sweeps;
  const others = [sweeps.stepsF16x3, sweeps.stepsF16].filter((sweep) => sweep !== undefined);
  const groups = (native?.comparisons ?? []).filter(isTimed).flatMap((comparison) => {
    const faster = others.flatMap((sweep) => beside(sweep, comparison));
    return faster.length > 0 ? [{ comparison, faster }] : [];
  });
  if (!native || groups.length === 0) return null;
  const faster = [...Map.groupBy(groups.flatMap(({ faster }) => faster), ({ arithmetic }) => arithmetic)]
    .map(([arithmetic, rows]) => `${range(rows.map(timesNative), ratio)} as fast in ${arithmetic}`);
  const models = list(groups.map(({ comparison }) => names(comparison).join(", ")));
  const rows = groups.flatMap(({ comparison, faster }) => [
    { arithmetic: "f32", runtime: "native", own: comparison, native: comparison },
    ...faster,
  ]);
  const [{ faster: [{ runtime }] }] = groups;
  const used = new Set(rows.map(({ arithmetic }) => arithmetic));
  const meaning = [
    ...used.has("f16x3")
      ? [
        "two halves in f16x3, whose gradients are nearly f32's ([What is worth it](#what-is-worth-it) has their error)",
      ]
      : [],
    ...used.has("f16") ? [used.has("f16x3") ? "one in f16" : "one half in f16"] : [],
  ];
  const answer = `With products on subgroup matrices, under ${runtime}, \`exact\` trains ${
    list(faster)
  } as natively in f32 (${models} tokens).`;
  const detail = `Each number is ${meaning.join(", and ")}.`;
  const header = [
    "model",
    "tokens",
    "arithmetic",
    "runtime",
    "tokens/s, `exact`",
    "of native",
    "speed, `mesa8`",
    "buffers, `exact`",
    "buffers, `mesa8`",
  ];
  const cells = rows.map((row) => {
    const [exact, mesa8] = [baseOf(row.own), row.own.cells.get("mesa8")];
    return [
      ...names(row.own),
      row.arithmetic,
      row.runtime,
      speedOf(row),
      ratio(timesNative(row)),
      mesa8 ? speedText(mesa8, exact) : "–",
      buffers.show(exact, exact) ?? "–",
      mesa8 && buffers.show(mesa8, exact) || "–",
    ];
  });
  return { answer, detail, shown: [table(header, cells), sources(native, ...others)] };
}

const tokensPerSecond = (comparison: Comparison<Cell>) => baseOf(comparison).tokensPerSecond;
/** Whether `exact` was timed, of which speeds are told. */
const isTimed = (comparison: Comparison<Cell>) =>
  comparison.cells.has("exact") && tokensPerSecond(comparison) !== null;
const speedOf = ({ own }: Beside) => number(tokensPerSecond(own)!);
const timesNative = ({ own, native }: Beside) => tokensPerSecond(own)! / tokensPerSecond(native)!;

/** The same model at the same size in another sweep; nothing where it was not measured, or on another card. */
function beside(sweep: Sweep, native: Comparison<Cell>): Beside[] {
  const own = sweep.comparisons.find((other) =>
    names(other).join() === names(native).join() && isTimed(other) &&
    baseOf(other).records[0].environment.adapter === baseOf(native).records[0].environment.adapter
  );
  if (!own) return [];
  const { configuration, records: [{ environment }] } = baseOf(own);
  const { arithmetic = stepDefaults.arithmetic } = configuration;
  return [{ arithmetic, runtime: runtimeOf(environment) === "dawn" ? "Dawn" : "native", own, native }];
}
