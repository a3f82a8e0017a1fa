import { assert, assertEquals } from "@std/assert";
import { programOutput } from "./program_output.ts";

const posix = Deno.build.os !== "windows";

/** Runs a program of one shell script. */
async function runScript(script: string, seconds?: number) {
  const folder = await Deno.makeTempDir();
  try {
    const program = `${folder}/program`;
    await Deno.writeTextFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return await programOutput(program, ["first", "second"], { cwd: folder, seconds });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "programOutput() gives what a program prints, or says why there is nothing",
  ignore: !posix,
  async fn() {
    assertEquals(await runScript('echo " $1 $2 "; echo aside >&2'), { text: "first second" });
    assertEquals(await runScript(":"), { text: "" });
    assertEquals(await runScript("echo half; exit 3"), { text: null, why: "failed" });
    assertEquals(await programOutput("no-such-program-here", []), { text: null, why: "missing" });
    assertEquals(await programOutput(Deno.cwd(), []), { text: null, why: "failed" });
  },
});

Deno.test({
  name:
    "programOutput() does not wait for a program that hangs, for its children, or for one that has closed its output",
  ignore: !posix,
  async fn() {
    for (const script of ["sleep 20", "exec sleep 20", "echo half; exec sleep 20", "exec sleep 20 >&-"]) {
      assertEquals(await runScript(script, 0.3), { text: null, why: "late" }, script);
    }
  },
});

Deno.test({
  name: "programOutput() kills what hangs, even if it takes no notice of other signals",
  ignore: !posix,
  async fn() {
    const folder = await Deno.makeTempDir();
    const script = `trap '' TERM INT; echo $$ >${folder}/pid; while :; do sleep 0.1; done`;
    assertEquals(await runScript(script, 1), { text: null, why: "late" });
    const pid = Number(await Deno.readTextFile(`${folder}/pid`));
    await Deno.remove(folder, { recursive: true });
    assert(pid > 0);
    for (let attempt = 0; attempt < 500 && await runs(pid); attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert(!await runs(pid));
  },
});

async function runs(pid: number): Promise<boolean> {
  const { success } = await new Deno.Command("sh", { args: ["-c", `kill -0 ${pid}`], stderr: "null" })
    .output();
  return success;
}

Deno.test({
  name: "programOutput() says that Deno may not run the program",
  permissions: { run: false },
  async fn() {
    assertEquals(await programOutput("sh", []), { text: null, why: "forbidden" });
  },
});
