import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../src/errors.ts";
import { parseCommandLine } from "../command_line.ts";
import { withFolder } from "../testing/folder.ts";

/** What a command line of `plan` prints. */
async function printed(words: readonly string[]): Promise<string> {
  const log = console.log;
  const lines: string[] = [];
  console.log = (text: string) => void lines.push(text);
  try {
    assertEquals(await parseCommandLine(["plan", ...words])(), 0);
  } finally {
    console.log = log;
  }
  return lines.join("\n");
}
const plan = (line: string) => printed(line.split(" "));

Deno.test("plan tells one policy at one size dispatch by dispatch, and of several the table alone", async () => {
  const one = await plan("--policy mesa8");
  for (
    const words of [
      ...[
        "dispatches of a step",
        "▲",
        "peak 12",
        "transient",
        "| live at the peak",
        "h.*.mlp.gelu_input (8 bits)",
      ],
      ...["all others", "| by itself", "What lowers the peak next: `--", "Variants assumed: matmul_nn "],
    ]
  ) assertStringIncludes(one, words);
  assertStringIncludes(await plan("--policy mesa8 --accumulate 2"), "dispatches of a micro-batch");
  for (const several of ["--policy mesa8,exact", "--policy mesa8 --batch 1,2"]) {
    assert(!(await plan(several)).includes("▲"), several);
  }
});

Deno.test("plan names the remedy where a buffer is larger than an adapter's largest", async () => {
  const large = "--model deit-base --batch 2048 --policy exact,mst8";
  assertStringIncludes(
    await plan(large),
    "a step under exact wants a buffer of 4.62 GiB, and the largest of a current discrete GPU has 4 GiB; ",
  );
  assert(!(await plan("--model deit-base --batch 64 --policy exact,mst8")).includes("wants a buffer"));
});

Deno.test("plan tells of a step at its least, under all that saves memory, nothing smaller than can be had", async () => {
  const least = "--policy mst8 --parameters bf16 --moments 8bit --update backward --clip-by last --batch 1";
  assertStringIncludes(await plan(`${least} --sequence 1`), "or micro-batch; take a smaller model.");
});

Deno.test("plan --chart writes an SVG of every policy and size, and refuses a file that says to be another", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "step.svg");
    await printed(["--policy", "exact,mst8", "--batch", "1,2", "--chart", path]);
    const svg = await Deno.readTextFile(path);
    for (const word of ["nano, exact", "nano, mst8", "1 × 128 tokens", "2 × 128 tokens"]) {
      assertStringIncludes(svg, word);
    }
  });
  await assertRejects(() => plan("--chart step.png"), UserError, "give --chart a FILE.svg");
});

Deno.test("The chart in docs/running.md is the one that its command draws", async () => {
  const root = join(import.meta.dirname!, "../..");
  const guide = await Deno.readTextFile(join(root, "docs/running.md"));
  const [, line, chart] = guide.match(/^ {4}deno task plan (.* --chart (docs\/\S+\.svg))$/m)!;
  const [, document] = guide.split(line)[1].match(/```json\n([^]*?)```/)!;
  await withFolder(async (folder) => {
    const { name } = JSON.parse(document);
    await Deno.writeTextFile(join(folder, `${name}.json`), document);
    const words = line.split(" ").map((word) =>
      /\.(json|svg)$/.test(word) ? join(folder, word.replace("docs/", "")) : word
    );
    await printed(words);
    const drawn = await Deno.readTextFile(join(folder, chart.replace("docs/", "")));
    const same = drawn === await Deno.readTextFile(join(root, chart));
    assert(same, `${chart} is another; draw it again by the command in the guide`);
  });
});
