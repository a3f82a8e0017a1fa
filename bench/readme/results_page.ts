import { gradientSection } from "./gradient_section.ts";
import { kernelsSection } from "./kernels_section.ts";
import { largeSection } from "./large_section.ts";
import { peersSection } from "./peers_section.ts";
import { qualitySection } from "./quality_section.ts";
import { recomputeSection } from "./recompute_section.ts";
import type { Reports } from "./reports.ts";
import { textSection } from "./text_section.ts";
import { visionSection } from "./vision_section.ts";

const sections = [
  recomputeSection,
  textSection,
  visionSection,
  qualitySection,
  gradientSection,
  kernelsSection,
  largeSection,
  peersSection,
];

const opening =
  "`bench/readme/write.ts` computes every figure from the records of the report that is named beside it; a test holds the text to them. " +
  "(0.26×) is a multiple of `exact`'s; speed is the ratio to `exact` within a round, the geometric mean over the rounds and its 95% interval, " +
  "from three rounds on.";

/** The README's results as markdown. What was not measured is not there. */
export function resultsPage(reports: Reports): string {
  return [opening, ...sections.flatMap((section) => section(reports) ?? [])].join("\n\n");
}
