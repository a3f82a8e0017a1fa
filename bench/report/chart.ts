import { compare } from "./cell_rounds.ts";
import { combinationPanels } from "./combinations_chart.ts";
import { type Panel, sideBySidePanels } from "./chart_panels.ts";
import { draw } from "./draw.ts";
import { frontierPanels, hasIntervals } from "./frontier_chart.ts";
import { longestPanels } from "./longest_chart.ts";
import { differencePanels, lossPanels } from "./loss_charts.ts";
import { memoryPanels } from "./memory_chart.ts";
import { stylesOfRecords } from "./policy_style.ts";
import { invested } from "./reinvested.ts";
import { reinvestmentPanels } from "./reinvestment_chart.ts";
import { softwareBrand } from "./report.ts";
import type { CellRecord } from "../results/results.ts";
import type { Told } from "../results/run_header.ts";

const combinationsCaption =
  "Speed and gradient error against memory: up and to the left is better in the first, down and to the left in the second; grey is beaten in all three together, or diverged";

const lengthsCaption =
  "The longest sequences: trained by a whole step, pale what else fits by plan, hollow what is published";

/** A picture beside the report. */
export interface Chart {
  file: string;
  caption: string;
  svg: string;
}

/** The pictures of a run, those that have something to show. Equal records give equal bytes. */
export async function drawCharts(records: readonly CellRecord[], told: Told = {}): Promise<Chart[]> {
  const comparisons = compare(records);
  const found = told.longest?.found ?? [];
  const styles = stylesOfRecords(records, found.map(({ policy }) => policy));
  const seeds = new Set(records.flatMap((r) => r.quality ? [r.configuration.seed] : [])).size;
  const pictures: [file: string, caption: string, panels: Panel[], columns?: number][] = [
    ["lengths", lengthsCaption, longestPanels(found, comparisons, styles), 1],
    [
      "memory",
      "Memory at the peak, by category",
      memoryPanels(comparisons, told.frontier && { labelLimit: 600 }),
    ],
    told.frontier ? ["frontier", combinationsCaption, combinationPanels(comparisons, told), 1] : [
      "frontier",
      `Speed against memory: up and to the left is better${
        hasIntervals(comparisons) ? "; the line through a point is the interval of its speed" : ""
      }`,
      frontierPanels(comparisons, styles),
    ],
    [
      "loss",
      "Training loss: moving average over a twentieth of the run; mean of the seeds, and the band that they span",
      lossPanels(comparisons, styles),
    ],
    [
      "loss_difference",
      `Training loss less that of exact from the same seeds: ${
        seeds > 1 ? "the band is ± the standard deviation of exact between seeds; " : ""
      }linear near 0, logarithmic beyond`,
      differencePanels(comparisons, styles),
    ],
    [
      "reinvestment",
      "Validation loss less that of exact where its memory is re-invested: left of 0 is better; the line through a point is its 95% interval",
      reinvestmentPanels(invested(records, told.reinvest ?? []), styles),
    ],
  ];
  const brand = records.some((r) => r.environment.adapterClass === "software") ? softwareBrand : undefined;
  return await Promise.all(
    pictures.filter(([, , panels]) => panels.length > 0).map(async ([name, caption, panels, columns]) => ({
      file: `${name}.svg`,
      caption,
      svg: await draw(sideBySidePanels(panels, columns), caption, brand),
    })),
  );
}
