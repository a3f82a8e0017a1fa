import { type AdapterReport, folderSlug } from "../../src/adapter/adapter.ts";
import { UserError } from "../../src/errors.ts";
import { compareReports, usualTolerance } from "../compare/comparison.ts";
import { gate } from "../compare/gate.ts";
import { renderComparison } from "../compare/render.ts";
import { describeRun, programName } from "../machine/run.ts";
import { createWorktree, type Worktree } from "../machine/worktree.ts";
import { printable } from "../report/terminal.ts";
import { createReportFolder } from "../report/report_folder.ts";
import { ResultsFile } from "../results/results_file.ts";
import type { SweepHeader, Until } from "../results/run_header.ts";
import { speaksOurProtocol } from "../sweep/child.ts";
import { readReport } from "../results/read_results.ts";
import { type PlanHost, runPlan, type Side } from "./run_plan.ts";

/**
 * Timed steps after which the other program has its turn, on a software adapter: what else the processor has to do makes its processes differ
 * by a fifth, step by step far less. A GPU's do not, and may have no room for two.
 */
const stepsPerTurn = 10;

/**
 * Has this program and that of a commit run each process of a plan by turns, leaves this one's report in a folder and the other's in its folder
 * `base`, and prints their comparison. Returns the exit code, as `runPlan` does. Throws a UserError for a commit that is none, or whose program
 * means something else by a cell.
 */
export async function runAgainst(
  commit: string,
  header: SweepHeader,
  out: string | undefined,
  adapter: AdapterReport,
  host: PlanHost & { readonly until?: Until },
): Promise<number> {
  const worktree = createWorktree(commit);
  try {
    if (!await speaksOurProtocol(worktree.folder)) {
      throw new UserError(
        `The program of ${commit} means something else by a cell than this one, so the two cannot run the same; ` +
          `take a later commit, or compare two reports with \`${programName()} compare --across\``,
      );
    }
    const { until } = host;
    const sides = await createSides(worktree, header, out, adapter, until);
    const code = await runPlan(sides, host);
    if (host.interruption.code === null) {
      await tellComparison(
        sides,
        until?.tolerance ?? usualTolerance,
        host.json ? console.error : console.log,
      );
    }
    return code;
  } finally {
    worktree.remove();
  }
}

/** The reports of both, the base first. */
async function createSides(
  { folder: program, commit }: Worktree,
  header: SweepHeader,
  out: string | undefined,
  adapter: AdapterReport,
  until: Until | undefined,
): Promise<[base: Side, own: Side]> {
  const started = new Date(header.started);
  const { path, results } = await createReportFolder(out, folderSlug(adapter), started);
  const base = await createReportFolder(`${path}/base`, folderSlug(adapter), started);
  const run = crypto.randomUUID();
  const turns = { ...adapter.class === "software" && { stepsPerTurn }, ...until && { until } };
  const described = await describeRun(adapter, started, program);
  const baseHeader: SweepHeader = {
    ...header,
    ...described,
    environment: { ...described.environment, commit, dirty: false }, // whatever this program was told of its own
    interleaved: { run, side: "base", ...turns },
  };
  const ownHeader: SweepHeader = { ...header, interleaved: { run, side: "new", ...turns } };
  return [
    {
      folder: base.path,
      header: baseHeader,
      results: await ResultsFile.create(base.results, baseHeader),
      program,
    },
    { folder: path, header: ownHeader, results: await ResultsFile.create(results, ownHeader) },
  ];
}

async function tellComparison(
  [base, own]: readonly Side[],
  tolerance: number,
  tell: (text: string) => void,
): Promise<void> {
  const [one, other] = [await readReport(base.folder), await readReport(own.folder)];
  if (one.results.records.length === 0 || other.results.records.length === 0) return;
  const comparison = compareReports(one, other, { tolerance, across: false });
  tell(`\n${printable(renderComparison(comparison, gate(comparison, {})))}`);
  tell(
    `\nHold it to limits: ${programName()} compare ${base.folder} ${own.folder} --max-slowdown 3% --max-memory 1%`,
  );
}
