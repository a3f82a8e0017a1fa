import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { gpuTest } from "../../kernels/testing/testing.ts";
import { readCheckpoint } from "../../src/models/checkpoint.ts";
import { endOf } from "../testing/command_end.ts";

/** `train` as a process of its own, on steps that take no time. */
function train(...options: string[]): Deno.ChildProcess {
  const main = new URL("../main.ts", import.meta.url).href;
  const small = ["--batch=1", "--sequence=16", "--no-tune", "--sample-tokens=0"];
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", main, "train", ...small, ...options],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Reads a stream until it says `awaited`. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, awaited: string): Promise<void> {
  const decoder = new TextDecoder();
  for (let text = ""; !text.includes(awaited);) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`The output ended before "${awaited}": ${text}`);
    text += decoder.decode(value, { stream: true });
  }
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  gpuTest(`train ends by ${signal} after the steps under way, and saves what it has`, async () => {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/stopped.safetensors`;
    const child = train("--steps=1000000", `--save=${path}`);
    const told = new Response(child.stderr).text();
    const [first, rest] = child.stdout.tee();
    const all = new Response(rest).text();
    await readUntil(first.getReader(), "Training");
    child.kill(signal);
    assertEquals((await child.status).code, code, await told);
    assertMatch(await all, /Stopped after step \d+ of 1000000\nSaved .*stopped\.safetensors\n$/);
    assertEquals((await readCheckpoint(path)).model.layers, 2);
    await Deno.remove(folder, { recursive: true });
  });
}

gpuTest("train ends quietly where the reader of its output has gone", async () => {
  const child = train("--steps=400"); // a line every 20 steps
  const told = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  await readUntil(reader, "Training");
  await reader.cancel();
  assertEquals((await child.status).code, 141);
  assertEquals((await told).trim().split("\n").filter((line) => !/^(Adapter|Note): /.test(line)), []);
});

gpuTest("A run that diverges leaves the file that it was to replace", async () => {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  await Deno.writeTextFile(path, "good weights");
  const line =
    "train --batch 1 --sequence 16 --no-tune --sample-tokens 0 --warmup 0 --learning-rate 1e30 --save";
  const end = await endOf([...line.split(" "), path, "--steps", "3"]);
  assertEquals(end.code, 1);
  assertMatch(end.errors.at(-1)!, /^Error: The loss is \S+ from step [23] on: training has diverged/);
  // One step has a loss yet; what it leaves has none.
  const { code, errors } = await endOf([...line.split(" "), path, "--steps", "1"]);
  assertEquals(code, 1);
  assertStringIncludes(errors.at(-1)!, "from step 2 on: training has diverged");
  assertEquals(await Deno.readTextFile(path), "good weights");
  await Deno.remove(path);
});
