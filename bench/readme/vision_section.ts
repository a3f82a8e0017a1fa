import { number, ratio } from "../../src/text/format.ts";
import type { Cell } from "../report/cell_rounds.ts";
import { mebibytes, paperPolicies, published, publishedBatch } from "../report/paper_table.ts";
import { baseOf, type Comparison } from "../report/side_by_side.ts";
import { sources } from "./making.ts";
import type { Reports } from "./reports.ts";
import { speedText } from "../report/speeds.ts";
import { code, list, range, table } from "../report/words.ts";

/** The paper's models beside the paper's own figures. */
export function visionSection({ sweeps: { vision } }: Reports): string | null {
  if (!vision) return null;
  const comparisons = vision.comparisons.filter(({ model, batch }) =>
    batch === publishedBatch && published[model]
  );
  if (comparisons.length === 0) return null;
  const policies = paperPolicies.filter((policy) =>
    comparisons.every(({ cells }) => cells.get(policy)?.memory)
  );
  const others = policies.filter((policy) => policy !== "exact");
  const peaks = (policy: string) => comparisons.map((comparison) => peakOf(comparison, policy));
  const figures = comparisons.map(({ model }) => published[model]);
  const exact = peaks("exact");
  const shares = (policy: string) => range(peaks(policy).map((bytes, i) => bytes / exact[i]), ratio);
  const ofPublished = (policy: string) =>
    range(peaks(policy).map((bytes, i) => bytes / (figures[i].mesa * 2 ** 20)), ratio);
  const answer = `At 224² and batch ${publishedBatch} Mesa's authors published **${
    range(figures.map(({ amp, mesa }) => mesa / amp), ratio)
  }** of their own baseline's memory for ${
    list(comparisons.map(({ model }) => model))
  }; here the live peak is ${
    list(others.map((policy) => `${shares(policy)} of ${code("exact")}'s under ${code(policy)}`))
  }. Theirs trains in f16 autocast, all here is in f32.`;
  const detail = `Theirs holds attention's probabilities as ${code("mesa8-paper")} does, and ${
    code("exact")
  } and ${code("mesa8")} here do not, and counts PyTorch's whole allocator. They published ${
    sizes(figures.map(({ mesa }) => mesa * 2 ** 20))
  }; ${
    list(others.map((policy) =>
      `${code(policy)} takes ${sizes(peaks(policy))}, ${ofPublished(policy)} of that`
    ))
  }. The report lists what the two count.`;
  const header = [
    "model",
    "published",
    ...policies.map((policy) => `live peak, ${code(policy)}`),
    "images/s, `exact`",
    ...others.map((policy) => `speed, ${code(policy)}`),
  ];
  const rows = comparisons.map((comparison) => {
    const base = baseOf(comparison);
    return [
      comparison.model,
      mebibytes(published[comparison.model].mesa * 2 ** 20),
      ...policies.map((policy) => mebibytes(peakOf(comparison, policy))),
      base.imagesPerSecond === null ? "–" : number(base.imagesPerSecond),
      ...others.map((policy) => speedText(comparison.cells.get(policy)!, base)),
    ];
  });
  return ["### Vision: the paper's models", answer, detail, table(header, rows), sources(vision)].join(
    "\n\n",
  );
}

const peakOf = ({ cells }: Comparison<Cell>, policy: string): number =>
  cells.get(policy)!.memory!.livePeakBytes;

/** "1858, 3840 and 8616 MiB" */
const sizes = (all: readonly number[]) =>
  `${list(all.map((bytes) => mebibytes(bytes).replace(" MiB", "")))} MiB`;
