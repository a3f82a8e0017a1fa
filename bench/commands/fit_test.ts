import { assertEquals, assertMatch } from "@std/assert";
import { gpuTest } from "../../kernels/testing/testing.ts";
import { parseCommandLine } from "../command_line.ts";

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
  assertMatch(told, /^Interrupted after 1 of 2 answers: run the command again$/m);
  assertEquals((await child.status).code, 130);
});
