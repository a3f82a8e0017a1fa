import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { gpuTest } from "../../kernels/testing/testing.ts";
import { parseCommandLine } from "../command_line.ts";
import { withFolder } from "../testing/folder.ts";

// SIGTERM, for the test runner hears SIGINT itself.
Deno.test({
  name: "fit that is interrupted while it plans ends soon, and tells how many answers it lacks",
  ignore: Deno.build.os === "windows",
  async fn() {
    const fit = parseCommandLine("fit --model nano --batch 1 --memory 8GiB --policy exact".split(" "));
    const { error } = console;
    const told: string[] = [];
    console.error = (line: string) => void told.push(line);
    try {
      const ended = fit();
      Deno.kill(Deno.pid, "SIGTERM");
      assertEquals(await ended, 143);
    } finally {
      console.error = error;
    }
    assertEquals(told, ["Interrupted after 0 of 1 answers: run the command again"]);
  },
});

Deno.test("fit names the rules of a policy that hold for nothing in any answer", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "mine.json");
    const told = async (layers: [number, number]) => {
      const { log } = console;
      const lines: string[] = [];
      await Deno.writeTextFile(path, JSON.stringify({ name: "mine", rules: [{ layers, bits: 4 }] }));
      console.log = (line: string) => void lines.push(line);
      try {
        assertEquals(await parseCommandLine(["fit", "--policy", path, "--memory", "12MiB,16MiB"])(), 0);
      } finally {
        console.log = log;
      }
      return lines.slice(1).join("");
    };
    assertStringIncludes(await told([7, 9]), 'Of policy "mine" rules[0] holds for no tensor');
    assertEquals(await told([1, 9]), ""); // of two blocks the last
  });
});

gpuTest("fit --prove that is interrupted tells the answers that it has, and how many it lacks", async () => {
  const main = new URL("../main.ts", import.meta.url).href;
  const asked = ["--model", "nano,vit-nano", "--policy", "exact", "--memory", "12MiB", "--prove"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", main, "fit", ...asked],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const printed = new Response(child.stdout).text();
  let told = "";
  for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
    if (!told.includes("[2/2]") && (told + part).includes("[2/2]")) child.kill("SIGINT");
    told += part;
  }
  assertMatch(await printed, /^\| nano +\| exact .* trained; the next was refused by plan \|$/m);
  assertMatch(await printed, /^Proved on \d{4}-\d\d-\d\d by Headroom \d/m);
  assertMatch(told, /^Interrupted after 1 of 2 answers: run the command again$/m);
  assertEquals((await child.status).code, 130);
});
