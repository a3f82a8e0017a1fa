import type { ModelConfig } from "../../src/models/model_config.ts";
import { ratio } from "../../src/text/format.ts";
import { equals, type Invested, invested, tallyOf } from "../report/reinvested.ts";
import { affordable, falseWords, losses, reinvestmentAnswer, tallyWords } from "../report/reinvestment.ts";
import { code, list, range } from "../report/words.ts";
import type { Investment } from "../results/run_header.ts";
import { picture, sources } from "./making.ts";
import type { Reports } from "./reports.ts";

/** What the memory that policies save affords, and whether a loss is lower for it. */
export function reinvestSection({ sweeps: { reinvest: sweep } }: Reports): string | null {
  const found = sweep?.told.reinvest ?? [];
  const all = sweep ? invested(sweep.records, found) : [];
  if (!sweep || all.length === 0) return null;
  const trained = all.filter(({ learnt }) => learnt !== null);
  return [
    "### Re-invested memory",
    [affords(all), ...lowers(all)].join(" "),
    reinvestmentAnswer(sweep.told, sweep.records)!,
    "What fits, by plan, into the bytes of buffers that `exact` takes, and what the next size wants:",
    affordable(found),
    ...trained.length > 0
      ? [
        "Final validation loss less `exact`'s from the same seeds, with Student's 95% interval of pairs; **lower** and **higher** are tested, by " +
        "Holm's procedure over all ways to re-invest a budget:",
        losses(trained),
      ]
      : [],
    sources(sweep),
    ...trained.length > 0
      ? [
        picture(
          sweep,
          "reinvestment.svg",
          "Validation loss less that of exact where its memory is re-invested",
        ),
      ]
      : [],
  ].join("\n\n");
}

const units: Record<Investment, string> = { batch: "the sequences", depth: "the layers", width: "the width" };

/** What `exact` has of what a policy has more of. */
const ownSize = (
  { found: { batch }, exact: { records: [{ architecture }] } }: Invested,
  into: Investment,
) => {
  const { layers, width } = architecture as Pick<ModelConfig, "layers" | "width">;
  return { batch, depth: layers, width }[into];
};

/** "In the buffers that `exact` takes, `mesa8` holds 2.25–2.50× the sequences, 1.50× the layers or 1.25× the width." */
function affords(all: readonly Invested[]): string {
  const sizes = all.flatMap((one) =>
    one.found.found.flatMap(({ policy, into, size }) =>
      size > ownSize(one, into) ? [{ policy, into, times: size / ownSize(one, into) }] : []
    )
  );
  const told = [...Map.groupBy(sizes, ({ policy }) => policy)].map(([policy, of]) => {
    const ways = [...Map.groupBy(of, ({ into }) => into)].map(([into, of]) =>
      `${range(of.map(({ times }) => times), ratio)} ${units[into]}`
    );
    return `${code(policy)} holds ${list(ways).replace(" and ", " or ")}`;
  });
  const where = list([...new Set(all.map(({ found: { model } }) => model))]);
  return `In the buffers that \`exact\` takes (${where}), ${told.join("; ") || "no policy holds more"}.`;
}

/** What a test says of the losses of all models that learnt something. */
function lowers(all: readonly Invested[]): string[] {
  const learnt = all.filter(({ learnt }) => learnt);
  const told = equals.flatMap((equal) => {
    const tally = tallyOf(learnt.flatMap(({ arms }) => arms), equal);
    return tally.ways.length > 0 ? [tallyWords(equal, tally)] : [];
  });
  if (told.length === 0) return [];
  return [
    `Trained so (${list(learnt.map(({ found: { model } }) => model))}), ${told.join("; ")}: ${
      falseWords(learnt)
    }`,
  ];
}
