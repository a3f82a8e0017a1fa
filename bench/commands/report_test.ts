import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../main.ts";

const reports = `${import.meta.dirname}/../../reports/2026-11-28-nvidia-h200`;

/** Runs a command line; gives its exit code and what it printed. */
async function printed(...args: string[]): Promise<{ code: number; text: string }> {
  const { log } = console;
  const lines: string[] = [];
  console.log = (line: string) => void lines.push(line);
  try {
    return { code: await main(args), text: lines.join("\n") };
  } finally {
    console.log = log;
  }
}

Deno.test("report prints the tables of each folder, then its answers, and reports of other kinds as they are", async () => {
  const { code, text } = await printed("report", `${reports}/vision/`, `${reports}/kernels`);
  assertEquals(code, 0);
  assert(text.indexOf("| model") < text.indexOf("**Not proved**"));
  assertStringIncludes(
    text,
    await Deno.readTextFile(`${reports}/kernels/report.md`).then((report) => report.trim()),
  );
});

Deno.test("report --html writes one page of all folders, each once", async () => {
  const file = await Deno.makeTempFile({ suffix: ".html" });
  const { code } = await printed(
    ...["report", `${reports}/vision`, `${reports}/vision/`, `${reports}/peers-gpt2`, "--html", file],
  );
  assertEquals(code, 0);
  assertStringIncludes(await Deno.readTextFile(file), "of 2 reports</title>");
  await Deno.remove(file);
});
