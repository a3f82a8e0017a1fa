import { assertEquals, assertStringIncludes } from "@std/assert";
import { project } from "../machine/environment.ts";

/** A `deno` that tells what it is run with; its `bench` leaves so many lines of results and ends with such a code, its `check` with 1. */
const stub = `#!/usr/bin/env bash
echo "$2" >>"$RAN"
case $2 in
  bench) mkdir -p report; [ "$LINES_LEFT" = 0 ] || seq "$LINES_LEFT" >report/results.jsonl; exit "$CODE" ;;
  summary) [ "$3" = --card ] && echo some-card || echo "# Headroom" ;;
  check) exit 1 ;;
esac
`;

/** What .ci/gpu runs where `bench` leaves so many lines and ends with a code; how it ends, and the summary that it writes. */
async function gpuScript(lines: number, code: number) {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/.ci`);
    await Deno.copyFile(`${project}/.ci/gpu`, `${root}/.ci/gpu`);
    await Deno.writeTextFile(`${root}/deno`, stub, { mode: 0o755 });
    const end = await new Deno.Command(`${root}/.ci/gpu`, {
      args: ["--no-tests", "report", "--model", "micro"],
      env: {
        ...{ DENO: `${root}/deno`, RAN: `${root}/ran`, GITHUB_STEP_SUMMARY: `${root}/summary` },
        ...{ LINES_LEFT: `${lines}`, CODE: `${code}` },
      },
    }).output();
    const told = async (name: string) => await Deno.readTextFile(`${root}/${name}`).catch(() => "");
    return { code: end.code, ran: (await told("ran")).trim().split("\n"), summary: await told("summary") };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("Where bench leaves no record, .ci/gpu ends with its exit code, and asks nothing of a report", async () => {
  for (const [lines, code] of [[0, 2], [1, 130]]) {
    const end = await gpuScript(lines, code);
    assertEquals([end.code, end.ran], [code, ["doctor", "bench"]]);
    assertEquals(end.summary, `bench ended with exit code ${code} and left no record.\n`);
  }
});

Deno.test("Where bench leaves records, .ci/gpu sums them up and checks them, and ends with what went wrong first", async () => {
  for (const [code, ends] of [[0, 1], [143, 143]]) {
    const end = await gpuScript(3, code);
    assertEquals([end.code, end.ran], [ends, ["doctor", "bench", "summary", "check", "summary"]]);
    assertStringIncludes(end.summary, "# Headroom");
  }
});
