import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { gpuTest, testGpu } from "../kernels/testing/testing.ts";
import { badFiles } from "./testing/bad_files.ts";
import { badInputs } from "./testing/bad_inputs.ts";
import { badLines, type Row } from "./testing/bad_lines.ts";
import { endOf } from "./testing/command_end.ts";

/** What is refused only after the adapter is asked, or trained. */
const onAdapter: Row[] = [
  ["bench --quality-steps 1 --seeds 99999999", 1, "take fewer --rounds or --seeds"],
  ["bench --rounds 999999999", 1, "take fewer --rounds or --seeds"],
  ["bench --seed 4294967295 --seeds 3", 1, "take a smaller --seed"],
  ["bench --model F/vast.json", 1, "give smaller sizes"],
  ["bench long --shard 1/2", 1, "so --shard cannot part it; take another profile"],
  ["bench mst --tokens 16384", 1, "one of so many to a step, which --tokens leaves open; give --batch"],
  ["bench mst --accumulate 2", 1, "--accumulate adds gradients up; leave one of them out"],
  ["bench frontier --peers F", 1, "is no report of bench"],
  ["bench frontier --update backward --clip-by last", 1, "give --gradient-every 0"],
  ["bench frontier --model nano --shard 1/4", 1, "--shard wants 4 parts; take fewer shards"],
  ["bench long --against HEAD", 1, "so --against cannot part it; take another profile"],
  ["bench --model nano --batch 1 --shard 2/3", 1, "--shard wants 3 parts; take fewer shards"],
  [
    "bench --model nano --rounds 8 --precision 99% --seeds 2 --quality-steps 2 --shard 2/2",
    1,
    "--shard parts those of several seeds; give --rounds, or --seeds 1",
  ],
  ["bench --model nano --against HEAD --precision 1% --rounds 3", 1, "leave --rounds out, or give more"],
  ["bench --model nano --against nowhere", 1, '"nowhere" names no commit of this checkout'],
  ["bench --model nano --against HEAD --memory 8GiB", 1, "leave one out"],
  ["bench --model nano --against HEAD --ranks 2", 1, "ranks are several; leave one of them out"],
  ["bench --model nano --profile-step --ranks 2", 1, "--ranks does nothing with --profile-step"],
  ["plan --model nano --spread batch", 1, "--spread says what ranks share, and there is one; give --ranks"],
  ["plan --model nano --sharding moments", 1, "there is one, which needs all; give --ranks, or leave it out"],
  [
    "plan --model nano --sequence 8 --ranks 9",
    1,
    "9 ranks cannot share 8 tokens of a sequence; take at most 8",
  ],
  ["train --spread batch", 1, "--spread says what ranks share, and there is one; give --ranks"],
  ["train --sharding moments", 1, "there is one, which needs all; give --ranks, or leave it out"],
  ["train --sequence 8 --ranks 9", 1, "9 ranks cannot share 8 tokens of a sequence; take at most 8"],
  ["plan --model vit-nano --ranks 2", 1, 'share the tokens of an image of "vit-nano"; give --spread batch'],
  ["bench frontier --ranks 1,2", 1, "This profile takes one number of ranks; give --ranks one"],
  ["fit --model nano --ranks 2 --prove", 1, "--ranks does nothing with --prove"],
  ["bench --batch 2147483647", 1, "take a --batch of at most 262144"],
  ["bench --model nano --images F", 1, "--images is for models of images"],
  ["bench --model nano --data F/none.txt", 1, "there is no such file; check the path"],
  ["bench --model nano --data F/empty.txt", 1, "give a longer file with --data"],
  ["bench --policy F/mine.json,F/mine-too.json", 1, 'Two policies are called "mine"'],
  ["verify F", 1, "expected.json: there is no such file; check the path"],
  ["verify F/none", 1, "expected.json: there is no such file; check the path"],
  ["verify F/text.txt", 1, "a part of the path is a file, not a folder; check the path"],
  ["verify F/case", 1, 'the known model types are "gpt2", "vit" and "llama"'],
  ["train --weights F/nan.safetensors", 1, 'The tensor "transformer.ln_f.bias" holds NaN'],
  ["train --weights F/infinite.safetensors", 1, "was saved from a run that diverged; choose another"],
  ["train --variants F/foreign.json", 1, "give the file of one with the same models and sizes"],
  [
    `${"train --batch 1 --sequence 16 --warmup 0 --no-tune"} --learning-rate 1e30`,
    1,
    "training has diverged, and nothing is saved",
  ],
  [
    "train --model xl --batch 500 --no-tune",
    1,
    "take a smaller --batch, --sequence or model, or a --policy that stores less",
  ],
];

/** What is refused where no GPU answers. */
const wantingGpu: Row[] = [
  ["bench --require-gpu", 1, "No hardware GPU answered"],
  ["bench --profile-step --require-gpu", 1, "No hardware GPU answered"],
  ["bench kernels --require-gpu", 1, "No hardware GPU answered"],
  ["train --require-gpu", 1, "No hardware GPU answered"],
  ["fit --prove --require-gpu", 1, "No hardware GPU answered"],
];

const { adapter } = await testGpu();
const withoutGpu = (name: string, work: () => Promise<void>) =>
  gpuTest(name, work, adapter.class === "gpu" && "a GPU answers");

const always = Object.values({ ...badLines, ...badFiles }).flat();

for (const [test, rows] of [[Deno.test, always], [gpuTest, onAdapter], [withoutGpu, wantingGpu]] as const) {
  for (const [line, code, sentence] of rows) {
    const words = typeof line === "string" ? line.split(" ").filter(Boolean) : line;
    test(`A bad input gets one sentence: ${JSON.stringify(words.join(" "))}`, async () => {
      const folder = await badInputs();
      const end = await endOf(words.map((word) => word.replace(/(^|,)F(?=\/|$)/g, `$1${folder}`)));
      const told = end.errors.filter((line) => !/^(Adapter|Note): /.test(line));
      assertEquals(told.length, 1, end.errors.join("\n"));
      assertStringIncludes(told[0], sentence);
      assert(!/\p{Cc}/u.test(told[0]), JSON.stringify(told[0]));
      assert(!/\bbug\b|os error|\.ts:\d|^\s+at /i.test(told[0]), told[0]);
      assertEquals(end.code, code);
    });
  }
}

const ownProcesses: Row[] = [
  ["plan --polcy exact", 2, 'did you mean "--policy"?'],
  ["plan --policy F/pipe.json", 2, "it is a device, a pipe or a socket"],
  ["kernels --print frobnicate", 1, "known: embedding_forward"],
  ["train --data /dev/zero", 1, "it is a device, a pipe or a socket"],
];

for (const [line, code, sentence] of ownProcesses) {
  Deno.test(`A bad input gets one sentence of a process of its own: "${line}"`, async () => {
    const folder = await badInputs();
    const main = new URL("main.ts", import.meta.url).href;
    const words = String(line).split(" ").map((word) => word.replace(/^F(?=\/)/, folder));
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", main, ...words],
      stdin: "null",
    });
    const end = await command.output();
    const [stdout, stderr] = [end.stdout, end.stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(stdout, "");
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
    assertStringIncludes(stderr, sentence);
    assertEquals(end.code, code);
  });
}

Deno.test("The table of bad inputs has no line twice, and more than two hundred", () => {
  const lines = [...always, ...onAdapter, ...wantingGpu].map(([line]) => String(line));
  assertEquals(new Set(lines).size, lines.length);
  assert(lines.length > 200, `${lines.length} lines`);
});
