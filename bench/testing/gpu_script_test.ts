import { assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { project } from "../machine/environment.ts";
import { withFolder } from "./folder.ts";

/** A `deno` that tells what it is run with, leaves a report where it is told to, finds the card `imaginary`, and a limit exceeded. */
const stub = `#!/usr/bin/env bash
echo "$*" >>"$RAN"
case "$*" in
  "task bench "*) while [ "$1" != --out ]; do shift; done; mkdir -p "$2"; echo measured >"$2/results.jsonl" ;;
  "task summary --card "*) echo imaginary ;;
  "task compare "*) exit 3 ;;
esac
`;

/** Runs the script in a folder of its own where these folders hold reports; tells how it ended and what was compared. */
const ran = (reports: readonly string[], ...args: string[]) =>
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
      env: { DENO: `${root}/deno`, RAN: `${root}/ran`, LIMITS: "--max-slowdown 5%", GITHUB_STEP_SUMMARY: "" },
    }).output();
    const out = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    const lines = (await Deno.readTextFile(`${root}/ran`)).split("\n").filter(Boolean);
    return { code, out, lines, compared: lines.filter((line) => line.startsWith("task compare ")) };
  });

const ofCard = "reports/baselines/imaginary";

Deno.test("Without a baseline of the card .ci/gpu says where one is kept; with one it compares, and ends as compare does", async () => {
  const first = await ran([], "--no-tests", "new", "--model", "nano");
  assertEquals([first.code, first.compared], [0, []]);
  assertStringIncludes(first.out, `No baseline of this card: commit this report as ${ofCard} to have one`);
  const later = await ran([ofCard], "--no-tests", "new", "--model", "nano");
  assertEquals([later.code, later.compared], [3, [`task compare ${ofCard} new --max-slowdown 5%`]]);
});

Deno.test(".ci/gpu --baseline compares with that folder in place of the card's", async () => {
  for (const reports of [["caller/mine"], ["caller/mine", ofCard]]) {
    const { code, out, compared } = await ran(reports, "--no-tests", "--baseline", "caller/mine", "new");
    assertEquals([code, compared], [3, ["task compare caller/mine new --max-slowdown 5%"]], out);
  }
});

Deno.test(".ci/gpu refuses a baseline that is none before it measures", async () => {
  const { code, out, lines } = await ran([ofCard], "--baseline", "caller/mine", "new");
  assertEquals([code, lines], [2, []]);
  assertStringIncludes(
    out,
    "caller/mine holds no report; give --baseline the folder of one, or leave it out",
  );
  const bare = await ran([ofCard], "--baseline");
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
