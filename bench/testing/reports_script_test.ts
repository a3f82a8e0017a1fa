import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { project } from "../machine/environment.ts";
import { kernelFolders, peerFolders, proofFiles, sweepFolders } from "../readme/folders.ts";
import { readEntries } from "../readme/reports_index.ts";
import { profiles } from "../sweep/profiles.ts";
import { reportRows, script } from "./report_rows.ts";

interface Made {
  code: number;
  out: string;
  /** What was run, a line for each command. */
  ran: string[];
}

/** A `deno`, or a `python3`, that tells what it is run with, leaves a report where it is told to, and finds whole what says so; Deno makes the folder. */
const stub = `#!/usr/bin/env bash
echo "$(basename "$0") $*" >>"$RAN"
[ "$2" = check ] && exec grep -q whole "$3/results.jsonl"
echo printed
while [ $# -gt 0 ]; do
  case $1 in
    --resume) echo whole >"$2/results.jsonl" ;;
    --out) out=$\{2%/results.jsonl}; [ "$(basename "$0")" = python3 ] || mkdir -p "$out"; echo "$LEAVES" >"$out/results.jsonl" ;;
  esac
  shift
done
[ "$LEAVES" = whole ]
`;

/** In place of what leaves a process one card of several: tells which, and waits until two cards are at work. */
const ownCard = `#!/usr/bin/env bash
echo "card $MPI_LOCALRANKID $*" >>"$RAN"
for _ in {1..500}; do [ "$(grep -c "^card" "$RAN")" -ge 2 ] && exec "$@"; sleep 0.01; done
exit 1
`;

/** The script beside such programs in a folder of its own, and what it did. */
async function withScript(
  work: (run: (args: string[], leaves?: string) => Promise<Made>, root: string) => Promise<void>,
) {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/.ci`);
    await Deno.copyFile(`${project}/${script}`, `${root}/${script}`);
    await Deno.writeTextFile(`${root}/.ci/own-card`, ownCard, { mode: 0o755 });
    await Deno.mkdir(`${root}/bin`);
    for (const name of ["deno", "python3"]) {
      await Deno.writeTextFile(`${root}/bin/${name}`, stub, { mode: 0o755 });
    }
    await work(async (args, leaves = "whole") => {
      await Deno.writeTextFile(`${root}/ran`, "");
      const { code, stdout, stderr } = await new Deno.Command(`${root}/${script}`, {
        args: ["--into", "made", ...args],
        env: { PATH: `${root}/bin:${Deno.env.get("PATH")}`, RAN: `${root}/ran`, LEAVES: leaves },
      }).output();
      const out = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      return { code, out, ran: (await Deno.readTextFile(`${root}/ran`)).trimEnd().split("\n") };
    }, root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const rows = await reportRows();

Deno.test("The script's table tells of each report minutes and a command, and has no name twice", () => {
  assertEquals(new Set(rows.map(([name]) => name)).size, rows.length);
  for (const [name, minutes, command] of rows) {
    assertMatch(name, /^[a-z0-9-]+$/);
    assertMatch(minutes, /^[1-9]\d*$/, name);
    assertMatch(command, /^(bench$|(bench|prove|task|peer) \S)/, name);
    const profile = command.match(/^bench ([a-z]\S*)/)?.[1];
    assert(profile === undefined || profile === "kernels" || profile in profiles, `${name}: ${profile}`);
  }
});

/** What the README's results tell, by the script's names; what wants several cards is no part of `all`, which one card makes. */
const told = Object.entries<readonly string[]>({ ...sweepFolders, ...peerFolders })
  .flatMap(([result, folders]) => result.startsWith("ranks") ? [] : folders)
  .concat(kernelFolders, ...Object.values(proofFiles))
  .map((path) => path.slice(path.lastIndexOf("/") + 1).replace(/\.txt$/, ""))
  .filter((name) => rows.some(([known]) => known === name));

/** What a command asks, in whatever depth: its program and profile, and its models, where they are named. */
function asks(command: string) {
  const plain = command.replace(/^deno task bench( --require-gpu)?/, "deno task bench");
  return { what: plain.split(" --")[0], models: plain.match(/--model (\S+)/)?.[1] };
}

Deno.test("Every report below reports/ is one that the script makes anew", async () => {
  const rowsAsk = rows.map(([, , command]) =>
    asks(command.replace(/^bench/, "deno task bench").replace(/^peer /, "python3 bench/peers/"))
  );
  for (const { folder, command } of await readEntries(`${project}/reports`)) {
    const { what, models } = asks(command);
    const made = rowsAsk.some((row) => row.what === what && (row.models ?? models) === models);
    assert(made, `${folder}: no row of ${script} makes \`${command}\``);
  }
});

Deno.test("all makes the published reports in order, keeps what is whole, and goes on with what is not", () =>
  withScript(async (run) => {
    const first = await run(["all"]);
    assertEquals(first.code, 0);
    const grid = "deno task bench grid --require-gpu --out made/grid";
    assertEquals(first.ran[0], grid);
    const names = [...first.out.matchAll(/^== (\S+): /gm)].map(([, name]) => name);
    assertEquals(names, rows.map(([name]) => name).slice(0, names.length));
    const published = rows.slice(0, names.length).map(([name, minutes]) => ({
      name,
      minutes: Number(minutes),
    }));
    for (const name of told) assert(names.includes(name), `${name} is told, and not published`);
    for (
      const line of [
        "bench frontier --runtime dawn --peers made/peers-gpt2 --require-gpu --out made/frontier",
        "bench frontier --peers made/peers-gpt2 --require-gpu --out made/frontier-native",
        "bench frontier --model deit-base --batch 128 --quality-steps 30 --gradient-every 15 --runtime dawn --peers made/peers-deit --require-gpu --out made/frontier-deit",
        "bench frontier --model deit-base --batch 128 --quality-steps 30 --gradient-every 15 --peers made/peers-deit --require-gpu --out made/frontier-deit-native",
      ]
    ) assert(first.ran.includes(`deno task ${line}`), line);
    assert(first.ran.includes("deno task bench --render made/peers-deit"));
    const hours = published.reduce((sum, { minutes }) => sum + minutes, 0) / 60;
    assertEquals(Math.round(hours), 8, "docs/reports.md says eight hours");
    const long = published.filter(({ minutes }) => minutes >= 30).map(({ name }) => name);
    assertEquals(
      long,
      ["parity", "parity-recompute", "parity-arithmetic", "parity-states", "reinvest", "mst"],
      "docs/reports.md names these",
    );
    const again = await run(["all"]);
    assertEquals(new Set(again.ran.map((line) => line.split(" ")[2])), new Set(["check"]));
    const half = await run(["ranks-one", "grid"], "half");
    assertEquals([half.code, half.ran.length], [1, 2], "the first ends badly, the second is whole");
    assertMatch(half.out, /== ranks-one: \d+ s, exit code 1/);
    const rest = await run(["ranks-one"]);
    assertEquals(rest.ran.slice(1), ["deno task bench --resume made/ranks-one"]);
    assertEquals(
      (await run(["frontier:1/2"])).ran[0],
      "deno task bench frontier --runtime dawn --peers made/peers-gpt2 --shard 1/2 --require-gpu --out made/frontier.1-2",
    );
    assertEquals(
      (await run(["grid:2/3"])).ran[0],
      `${
        grid.split(" --out")[0].replace(" --require-gpu", "")
      } --shard 2/3 --require-gpu --out made/grid.2-3`,
    );
  }));

Deno.test("What is printed is kept once it has ended well, and made again until then", () =>
  withScript(async (run, root) => {
    const broken = await run(["pace"], "half");
    assertEquals([broken.code, broken.ran.length], [1, 1]);
    assertEquals((await run(["pace"])).ran.length, 1);
    assertEquals(await Deno.readTextFile(`${root}/made/pace.txt`), "printed\n");
    assertEquals((await run(["pace"])).ran, [""]);
  }));

Deno.test("Several cards take names by turns, what wants all of them comes first, and one end is for all", () =>
  withScript(async (run) => {
    const { code, out, ran } = await run([
      "--cards",
      "2",
      "--seconds",
      "600",
      "steps-f16",
      "ranks-data",
      "precision",
      "vision",
    ]);
    assertEquals(code, 0);
    assertEquals(out.match(/^== \S+/gm)!.toSorted(), [
      "== precision:",
      "== ranks-data:",
      "== steps-f16:",
      "== vision:",
    ]);
    assertStringIncludes(ran[0], "--ranks 1,2");
    const cards = ran.flatMap((line) =>
      line.match(/^card (\d) \.ci\/reports --into made (\S+)$/)?.slice(1, 3) ?? []
    );
    assertEquals(new Set(cards), new Set(["0", "1", "steps-f16", "precision", "vision"]));
    const late = await run(["--cards", "2", "--seconds", "5", "steps-native", "vision"]);
    assertEquals([late.code, late.out.match(/no time left/g)?.length], [1, 2]);
  }));

Deno.test("The script refuses what it does not know, what lacks another report, and to begin without time", () =>
  withScript(async (run) => {
    for (
      const [args, told] of [
        [["grids"], "No report is called grids"],
        [["frontier"], "frontier needs peers-gpt2"],
        [["--seconds", "5", "grid"], "no time left for grid"],
        [[], "Nothing is named"],
      ] as [string[], string][]
    ) {
      const { code, out, ran } = await run(args);
      assertStringIncludes(out, told);
      assert(code !== 0 && ran.join("") === "", told);
    }
  }));
