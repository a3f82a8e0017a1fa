import { commandCode } from "../report/command.ts";

/** How a report was made: what its source line tells. */
export interface Making {
  /** Path of the report from the README. */
  report: string;
  commands: string[];
  adapter: string;
  /** Of the program, as `versionOf` tells them. */
  commits: string[];
  /** Processes of a sweep that have a record, and those of its plan that ought to have one. */
  recorded?: number;
  missing?: number;
}

type Version = { commit: string | null; dirty: boolean | null };

/** What the header of a report tells. */
export const made = (
  report: string,
  command: string,
  environment: Version & { adapter: string },
): Making => ({
  report,
  commands: [command],
  adapter: environment.adapter,
  commits: versionOf(environment),
});

/** "0123456789ab", or "0123456789ab with uncommitted changes"; nothing outside a checkout. */
export const versionOf = ({ commit, dirty }: Version): string[] =>
  commit ? [commit.slice(0, 12) + (dirty ? " with uncommitted changes" : "")] : [];

/** A line for each report: its link, the command, commit, card, and what is missing of what was planned. */
export const sources = (...reports: readonly Making[]): string => reports.map(source).join("\n");

function source({ report, commands, adapter, commits, recorded = 0, missing = 0 }: Making): string {
  const facts = [
    ...commands.map(commandCode),
    ...commits.length ? [`commit${commits.length > 1 ? "s" : ""} ${commits.join(" and ")}`] : [],
    adapter,
    ...missing > 0 ? [`${recorded} of ${recorded + missing} processes`] : [],
  ];
  return `- [report](${report}): ${facts.join(", ")}`;
}

/** A picture that lies beside a report. */
export const picture = ({ report }: Making, file: string, caption: string): string =>
  `![${caption}](${report.replace(/report\.md$/, file)})`;
