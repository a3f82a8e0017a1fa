import { assertEquals, assertMatch } from "@std/assert";
import { gpuTest } from "../../kernels/testing/testing.ts";

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
