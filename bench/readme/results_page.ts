import { duration, sentenceCase } from "../../src/text/format.ts";
import { recordsOf } from "../report/cell_rounds.ts";
import { commandCode } from "../report/command.ts";
import { list } from "../report/words.ts";
import { arithmeticSection } from "./arithmetic_section.ts";
import { atAGlance } from "./at_a_glance.ts";
import { firstStepsSection } from "./first_steps_section.ts";
import { fitSection } from "./fit_section.ts";
import { frontiers, frontierSection } from "./frontier_section.ts";
import { gradientSection } from "./gradient_section.ts";
import { gridSection } from "./grid_section.ts";
import { kernelsSection } from "./kernels_section.ts";
import { lengthSection } from "./length_section.ts";
import { type Making, sources } from "./making.ts";
import { longestSection } from "./longest_section.ts";
import { peersSection } from "./peers_section.ts";
import { proofsSection } from "./proofs_section.ts";
import { qualitySection } from "./quality_section.ts";
import { ranksSection, sharedSweeps } from "./ranks_section.ts";
import { reinvestSection } from "./reinvest_section.ts";
import type { Reports } from "./reports.ts";
import { statesSection } from "./states_section.ts";
import { textSection } from "./text_section.ts";
import { visionSection } from "./vision_section.ts";

/** A heading, the answer in a paragraph that can stand alone, and then what shows it. */
type Section = (reports: Reports) => string | null;

/** What policies give and cost, then how far one gets with them; and whether the README has the answer. */
const sections: [section: Section, inReadme: boolean][] = [
  [gridSection, true],
  [frontierSection, true],
  [textSection, true],
  [visionSection, true],
  [qualitySection, true],
  [firstStepsSection, true],
  [gradientSection, false],
  [reinvestSection, true],
  [arithmeticSection, true],
  [peersSection, true],
  [lengthSection, true],
  [longestSection, true],
  [statesSection, true],
  [fitSection, true],
  [ranksSection, true],
  [proofsSection, false],
  [kernelsSection, false],
];

const opening =
  "Every figure is computed from the records of the report that is named beside it. (0.26×) is a multiple of `exact`'s; speed is the ratio " +
  "to `exact` within a round, the geometric mean over the rounds and its 95% interval, from three rounds on: of rounds of one sweep, between two of which there is more " +
  "([docs/measuring.md](docs/measuring.md#what-an-interval-tells)).";

/** The results as markdown, with tables, pictures and sources. What was not measured is not there. */
export function resultsPage(reports: Reports): string {
  return [opening, ...sections.flatMap(([section]) => section(reports) ?? [])].join("\n\n");
}

/** What the README says of them: the answer of each section, and where it stands whole; then how long runs took, and on what. */
export function answersPage(reports: Reports): string {
  const answers = sections.flatMap(([section, inReadme]) => {
    const [title, answer, ...shown] = inReadme ? section(reports)?.split("\n\n") ?? [] : [];
    if (!title) return [];
    const told = title.replace(/^#+ /, "");
    const table = `[Table](reports/README.md#${anchor(told)})`;
    return [
      `- **${told}.** ${answer.replaceAll("](#", "](reports/README.md#")} ${table}${
        measuredOn(reports, shown)
      }`,
    ];
  });
  const lines = [
    ...answers,
    ...[limits(reports), durations(reports)].flatMap((line) => line ? [`- ${line}`] : []),
  ];
  const glance = atAGlance(reports);
  return [...glance ? [`![${glance.caption}](${glance.file})`] : [], lines.join("\n")].join("\n\n");
}

/** ", measured on NVIDIA H200": the cards of the reports that a section names first, which are those of what the README takes of it. */
function measuredOn({ sweeps, peers }: Reports, blocks: readonly string[]): string {
  const named = blocks.filter((block) => block.startsWith("- [")).join("\n");
  const all: Making[] = [...Object.values(sweeps), ...Object.values(peers)];
  const cards = all.filter((making) => named.includes(sources(making))).map(({ adapter }) => adapter);
  return cards.length > 0 ? `, measured on ${list([...new Set(cards)])}` : "";
}

/** What a heading is called in links. */
export const anchor = (title: string) => title.toLowerCase().replace(/[^a-z0-9 -]/g, "").replaceAll(" ", "-");

/** What none of it shows. */
function limits(reports: Reports): string | null {
  const records = Object.values(reports.sweeps).flatMap(({ comparisons }) => recordsOf(comparisons));
  const cards = [...new Set(records.map(({ environment }) => environment.adapter))];
  const together = Math.max(
    1,
    ...sharedSweeps(reports).flatMap(({ comparisons }) =>
      recordsOf(comparisons).map(({ ranks = [] }) => ranks.length)
    ),
  );
  if (cards.length === 0) return null;
  const gaps = [
    `anything of other cards than ${list(cards)}`,
    `of ${together > 1 ? `more than ${together}` : "several"} cards together`,
    ...frontiers.some((name) => reports.sweeps[name])
      ? [
        "that training ends as well under a policy together with other arithmetic or fewer bytes of weights and moments",
      ]
      : [],
    ...unmeasured.flatMap(([of, what]) => of.some((name) => reports.sweeps[name]) ? [] : [what]),
  ];
  return `**Not shown.** ${sentenceCase(`${gaps.slice(0, -1).join(", ")}, or ${gaps.at(-1)}`)}.`;
}

/** What a report that is not there would show. */
const unmeasured: [reports: readonly (keyof Reports["sweeps"])[], what: string][] = [
  [["qualityArithmetic"], "that training in other arithmetic than f32 ends as well"],
  [["qualityStates"], "that training with weights and moments in fewer bytes ends as well"],
  [["states"], "what fewer bytes of weights and moments save and cost"],
  [["longest"], "how long the sequences are that MST's own models train on"],
  [["reinvest"], "whether saved memory is better re-invested"],
  [frontiers, "every policy with every choice of a step"],
  [["grid"], "the canonical grid"],
];

/** How long whole sweeps took. */
function durations({ sweeps }: Reports): string | null {
  const told = [sweeps.answer, sweeps.grid, sweeps.quality].flatMap((sweep) => {
    if (!sweep) return [];
    return [
      `${duration(sweep.seconds)}${sweep.sideBySide ? " of processes, several at a time," : ""} for ${
        sweep.commands.map(commandCode).join(", ")
      } (${sweep.adapter})`,
    ];
  });
  return told.length ? `**How long it takes.** ${list(told)}.` : null;
}
