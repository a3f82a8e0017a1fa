import { adaptersTable } from "./adapters.ts";
import type { Reports } from "./reports.ts";
import { type Entry, reportsIndex } from "./reports_index.ts";
import { resultsPage } from "./results_page.ts";

/** `reports/README.md`: the results with their tables, the adapters, and every report by question and card. */
export const reportsPage = (reports: Reports, entries: readonly Entry[]): string =>
  [
    "# Reports",
    "<!-- bench/readme/write.ts writes this file from the reports; a test holds it to them. -->",
    "A folder holds `report.md`, charts, and `results.jsonl` with every raw sample; [docs/reports.md](../docs/reports.md) says how to read " +
    "them. `deno task report FOLDER… --html page.html` shows any of the sweeps as one page.",
    "- [Results](#results)\n- [Adapters](#adapters)\n- [All reports, by question](#all-reports-by-question)",
    "## Results",
    resultsPage(reports).replaceAll("](reports/", "](").replaceAll("](docs/", "](../docs/"),
    "## Adapters",
    "Those on which the suite has run, by the reports below. [How to hand in one of another](../CONTRIBUTING.md#a-report-of-another-adapter).",
    adaptersTable(entries),
    "## All reports, by question",
    reportsIndex(entries),
  ].join("\n\n") + "\n";
