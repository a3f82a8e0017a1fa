import { assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { project } from "../machine/environment.ts";
import { withFolder } from "./folder.ts";

/**
 * A `deno` that tells what it is run with, leaves so many lines of results where it is told to and ends as it is told to, finds the card
 * `imaginary`, and a limit exceeded.
 */
const stub = `#!/usr/bin/env bash
echo "$*" >>"$RAN"
case "$*" in
  "task bench "*)
    while [ "$1" != --out ]; do shift; done
    mkdir -p "$2"; [ "$LINES_LEFT" = 0 ] || seq "$LINES_LEFT" >"$2/results.jsonl"; exit "$CODE" ;;
  "task summary --card "*) echo imaginary ;;
  "task summary "*) echo "# Headroom" ;;
  "task check "*) exit "$CHECKED" ;;
  "task compare "*) exit 3 ;;
esac
`;

/** How the programs that the script runs end. */
interface Ends {
  /** Lines of results that bench leaves, its exit code, and that of check. */
  lines?: number;
  code?: number;
  checked?: number;
}

/** Runs the script in a folder of its own where these folders hold reports; tells how it ended, what it ran, and the summary that it wrote. */
const ran = (
  reports: readonly string[],
  args: string[],
  { lines: left = 2, code: ends = 0, checked = 0 }: Ends = {},
) =>
  withFolder(async (root) => {
    await Deno.mkdir(`${root}/.ci`);
    await Deno.copyFile(`${project}/.ci/gpu`, `${root}/.ci/gpu`);
    await Deno.writeTextFile(`${root}/deno`, stub, { mode: 0o755 });
    await Deno.writeTextFile(`${root}/ran`, "");
    for (const folder of reports) {
      await Deno.mkdir(`${root}/${folder}`, { recursive: true });
      await Deno.writeTextFile(`${root}/${folder}/results.jsonl`, "measured\n");
    }
    const { code, stdout, stderr } = await new Deno.Command(`${root}/.ci/gpu`, {
      args,
      env: {
        ...{ DENO: `${root}/deno`, RAN: `${root}/ran`, GITHUB_STEP_SUMMARY: `${root}/summary` },
        ...{ LIMITS: "--max-slowdown 5%", LINES_LEFT: `${left}`, CODE: `${ends}`, CHECKED: `${checked}` },
      },
    }).output();
    const out = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    const lines = (await Deno.readTextFile(`${root}/ran`)).split("\n").filter(Boolean);
    const summary = await Deno.readTextFile(`${root}/summary`).catch(() => "");
    return { code, out, lines, summary, compared: lines.filter((line) => line.startsWith("task compare ")) };
  });

const ofCard = "reports/baselines/imaginary";

Deno.test("Without a baseline of the card .ci/gpu says where one is kept; with one it compares, and ends as compare does", async () => {
  const first = await ran([], ["--no-tests", "new", "--model", "nano"]);
  assertEquals([first.code, first.compared], [0, []]);
  assertStringIncludes(first.out, `No baseline of this card: commit this report as ${ofCard} to have one`);
  const later = await ran([ofCard], ["--no-tests", "new", "--model", "nano"]);
  assertEquals([later.code, later.compared], [3, [`task compare ${ofCard} new --max-slowdown 5%`]]);
});

Deno.test(".ci/gpu --baseline compares with that folder in place of the card's", async () => {
  for (const reports of [["caller/mine"], ["caller/mine", ofCard]]) {
    const { code, out, compared } = await ran(reports, ["--no-tests", "--baseline", "caller/mine", "new"]);
    assertEquals([code, compared], [3, ["task compare caller/mine new --max-slowdown 5%"]], out);
  }
});

Deno.test(".ci/gpu refuses a baseline that is none before it measures", async () => {
  const { code, out, lines } = await ran([ofCard], ["--baseline", "caller/mine", "new"]);
  assertEquals([code, lines], [2, []]);
  assertStringIncludes(
    out,
    "caller/mine holds no report; give --baseline the folder of one, or leave it out",
  );
  const bare = await ran([ofCard], ["--baseline"]);
  assertNotEquals(bare.code, 0);
  assertEquals(bare.lines, []);
  assertStringIncludes(bare.out, "--baseline wants the folder of a report");
});

const workflow = await Deno.readTextFile(`${project}/.github/workflows/gpu.yml`);

/** What stands below a line of YAML, as far as it is indented more; empty where there is none. */
function below(text: string, line: string): string {
  const [, indent, rest] = text.match(new RegExp(`^( *)${line}\n([^]*)`, "m")) ?? [];
  if (rest === undefined) return "";
  const end = rest.search(new RegExp(`^ {0,${indent.length}}\\S`, "m"));
  return end < 0 ? rest : rest.slice(0, end);
}

/** The names that stand in YAML at the indentation of its first line, and what they are. */
function fields(text: string): Record<string, string> {
  const [indent] = text.match(/^ */)!;
  const rows = text.matchAll(new RegExp(`^${indent}([a-z]+):\\s*(.*)$`, "gm"));
  return Object.fromEntries([...rows].map(([, name, value]) => [name, value]));
}

/** The inputs of the workflow where it is called, and where it is started by hand. */
const [called, byHand] = ["workflow_call:", "workflow_dispatch:"].map((event) =>
  Object.keys(fields(below(below(workflow, event), "inputs:")))
);

Deno.test("gpu.yml reads the inputs that it has, and what can be given by hand a caller can give", () => {
  const used = [...new Set([...workflow.matchAll(/\binputs\.(\w+)/g)].map(([, name]) => name))];
  assertEquals(used.toSorted(), called.toSorted());
  assertEquals(byHand.filter((name) => !called.includes(name)), []);
});

Deno.test("gpu.yml names the report's artifact by name and runner, and goes on with none but its own", () => {
  const names = ["download", "upload"].map((verb) => {
    const [step] = workflow.split(/^ {6}- /m).filter((step) => step.includes(`actions/${verb}-artifact@`));
    return fields(below(step, "with:")).name;
  });
  assertEquals(names, ["${{ env.ARTIFACT }}", "${{ env.ARTIFACT }}"]);
  assertStringIncludes(workflow, "ARTIFACT: ${{ inputs.name }}-${{ inputs.runner }}\n");
});

Deno.test("The lines with which another repository calls gpu.yml give inputs that it has, of one commit", async () => {
  const guide = await Deno.readTextFile(`${project}/docs/many-machines.md`);
  const [, lines] = guide.match(/```yaml\n([^]*?)```/)!;
  const given = fields(below(lines, "with:"));
  assertEquals(Object.keys(given).filter((name) => !called.includes(name)), []);
  const [, repository, path, ref] = lines.match(/uses: ([^/]+\/[^/]+)\/(\S+)@(\S+)/)!;
  assertEquals([given.repository, given.ref], [repository, ref]);
  await Deno.stat(`${project}/${path}`);
});

/** The commands among what was run: "bench". */
const commands = (lines: readonly string[]) => lines.map((line) => line.split(" ")[1]);

Deno.test("Where bench leaves no record, .ci/gpu ends with its exit code, and what comes after says nothing", async () => {
  for (const [lines, code] of [[0, 2], [1, 130]]) {
    const end = await ran([ofCard], ["--no-tests", "new"], { lines, code, checked: 1 });
    assertEquals([end.code, commands(end.lines)], [code, ["doctor", "bench"]]);
    assertEquals(end.summary, `bench ended with exit code ${code} and left no record.\n`);
  }
});

Deno.test("Where bench leaves records, .ci/gpu sums them up and checks them, and ends with what went wrong first", async () => {
  for (const [code, ends] of [[0, 1], [143, 143]]) {
    const end = await ran([], ["--no-tests", "new"], { lines: 3, code, checked: 1 });
    assertEquals([end.code, commands(end.lines)], [ends, ["doctor", "bench", "summary", "check", "summary"]]);
    assertStringIncludes(end.summary, "# Headroom");
  }
});
