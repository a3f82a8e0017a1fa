/** Commands under Dawn, on SwiftShader, each as its task starts it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { isFetched } from "../src/adapter/dawn_package.ts";
import { isUnpacked, swiftShaderFolder, swiftShaderRuns } from "../src/adapter/swiftshader.ts";
import { parseSweep } from "./results/read_results.ts";
import { withFolder } from "./testing/folder.ts";

const root = join(import.meta.dirname!, "..");

/** Why these tests cannot run here, if they cannot: they fetch nothing. */
async function missing(): Promise<string | null> {
  if (!await isFetched().catch(() => false)) return "Dawn is not fetched";
  const unpacked = swiftShaderRuns() && await isUnpacked(swiftShaderFolder()).catch(() => false);
  return unpacked ? null : "SwiftShader is not unpacked";
}

const reason = await missing();

function dawnTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: reason ? `${name} (${reason})` : name, ignore: reason !== null, fn });
}

async function deno(args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    env: { NO_COLOR: "1", HEADROOM_ADAPTER: "swiftshader", HEADROOM_RUNTIME: "", ...env },
    stdin: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

for (const name of ["gpt2-regular", "gpt2-ragged", "vit-small", "llama-regular", "llama-ragged"]) {
  dawnTest(`verify --runtime dawn passes on ${name}`, async () => {
    const args = ["task", "verify", "--runtime", "dawn", `src/models/testdata/${name}`];
    const { code, stdout, stderr } = await deno(args);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^exact: passed$/m);
    assertMatch(stderr, /^Adapter: SwiftShader .* under Dawn, /m);
  });
}

const sweep = [
  ...["--model", "nano", "--sequence", "16", "--batch", "1", "--policy", "mesa8"],
  ...["--steps", "1", "--warmup", "0", "--rounds", "1", "--quality-steps", "3", "--no-tune"],
];

/** The record that a cell leaves. */
async function recordOf(out: string, runtime: string) {
  const { code, stderr } = await deno(["task", "bench", ...sweep, "--runtime", runtime, "--out", out]);
  assertEquals(code, 0, stderr);
  const { header, records } = parseSweep(await Deno.readTextFile(`${out}/results.jsonl`));
  assertEquals(records.map(({ status }) => status), ["ok"], stderr);
  return { header, record: records[0] };
}

dawnTest(
  "A cell under Dawn repeats its losses bit for bit, counts the memory that it has natively, and is compared with that only when asked",
  () =>
    withFolder(async (folder) => {
      const [one, other, native] = ["one", "other", "native"].map((name) => `${folder}/${name}`);
      const { header, record } = await recordOf(one, "dawn");
      assertEquals([header?.environment.runtime, record.environment.runtime], ["dawn", "dawn"]);
      const again = await recordOf(other, "dawn");
      assertEquals(record.quality, again.record.quality);
      assertEquals((await deno(["task", "compare", one, other])).code, 0);

      const beside = await recordOf(native, "native");
      assertEquals(beside.record.environment.runtime, "native");
      assertEquals(record.memory, beside.record.memory);
      const refused = await deno(["task", "compare", native, one]);
      assertEquals(refused.code, 1);
      assertMatch(refused.stderr, /are of different runtimes \(native, dawn\).*say --across/);
      const across = await deno(["task", "compare", native, one, "--across"]);
      assertEquals(across.code, 0, across.stderr);
      assertMatch(across.stdout, /of two machines or runtimes/);
    }),
);

dawnTest("fit --prove says in one sentence that an adapter's subgroups multiply no matrices", async () => {
  const words = ["--model", "nano", "--memory", "12MiB", "--runtime", "dawn", "--arithmetic", "f16"];
  const { code, stdout, stderr } = await deno(["task", "--quiet", "fit", ...words, "--prove"]);
  assertEquals([code, stdout], [1, ""], stderr);
  assertMatch(
    stderr,
    /^Adapter: SwiftShader .* under Dawn, .*\nError: Products in f16 want .* there are none: take .*, or --arithmetic f32.*\n$/m,
  );
});

Deno.test("fit --memory plans for the runtime that HEADROOM_RUNTIME names, and loads none", async () => {
  const words = ["--model", "nano", "--policy", "exact", "--memory", "12MiB", "--arithmetic", "f16"];
  const planned = (runtime: string) => deno(["task", "fit", ...words], { HEADROOM_RUNTIME: runtime });
  const { code, stdout, stderr } = await planned("dawn");
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^Planned for a current discrete GPU under Dawn, .*; products in f16$/m);
  assertEquals((await planned("")).code, 1);
});

dawnTest("What may load no library says so of Dawn in one sentence, and runs natively", async () => {
  const flags = ["run", "--no-prompt", "--allow-read", "--allow-env", "--allow-sys"];
  const command = ["bench/main.ts", "verify", "src/models/testdata/vit-small", "--runtime"];
  const { code, stderr } = await deno([...flags, ...command, "dawn"], { HEADROOM_ADAPTER: "auto" });
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^Error: Deno was not allowed to load the library .*dawn\.node; run it with --allow-ffi=/,
  );
  const native = await deno([...flags, ...command, "native"], {
    HEADROOM_ADAPTER: "auto",
    HEADROOM_RUNTIME: "dawn",
  });
  assertEquals(native.code, 0, native.stderr);
});

Deno.test("Nobody fetches Dawn who does not ask for it: neither a module nor deno.json or its lock names it", async () => {
  const { stdout } = await deno(["info", "--json", "bench/main.ts"]);
  const names = Object.values<{ name: string }>(JSON.parse(stdout).npmPackages).map(({ name }) => name);
  assert(names.includes("zod") && !names.includes("webgpu"), names.join());
});
