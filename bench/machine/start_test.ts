import { assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";

const onLinux = Deno.build.os === "linux";

/** Runs a module text as a program with every permission; relative imports start from this folder. */
async function runModule(text: string, args: string[], env: Record<string, string>) {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, text.replaceAll('"./', `"${new URL("./", import.meta.url).href}`));
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--allow-all",
        "--no-lock",
        `--config=${fileURLToPath(new URL("../../deno.json", import.meta.url))}`,
        file,
        ...args,
      ],
      env: { NO_COLOR: "1", ...env },
    }).output();
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(file);
  }
}

const start = `
  import { ensureAdapterEnvironment } from "./start.ts";
  try {
    await ensureAdapterEnvironment({ requireGpu: Deno.args.includes("--require-gpu") });
    console.log("ready");
  } catch (error) {
    console.error(error.name + ": " + error.message);
    Deno.exit(1);
  }`;

/** The environment of a process that was started again, and finds no driver all the same. */
const noDriver = {
  HEADROOM_RESTARTED: "swiftshader",
  VK_DRIVER_FILES: "/nowhere",
  VK_ICD_FILENAMES: "/nowhere",
};

Deno.test("ensureAdapterEnvironment() says on one line which adapter it took", async () => {
  const { code, stdout, stderr } = await runModule(start, [], {});
  assertEquals({ code, stdout }, { code: 0, stdout: "ready\n" });
  assertEquals(stderr.split("\n").filter((line) => line.startsWith("Adapter: ")).length, 1);
});

Deno.test({
  name: "ensureAdapterEnvironment() starts again once at the most",
  ignore: !onLinux,
  fn: async () => {
    const { code, stderr } = await runModule(start, [], { ...noDriver, HEADROOM_ADAPTER: "auto" });
    assertEquals(code, 1);
    assertStringIncludes(stderr, "UserError: No WebGPU adapter answered");
  },
});

Deno.test({
  name: "ensureAdapterEnvironment() takes no software adapter where a GPU is required",
  ignore: !onLinux,
  fn: async () => {
    const { code, stderr } = await runModule(start, ["--require-gpu"], {
      ...noDriver,
      HEADROOM_ADAPTER: "auto",
    });
    assertEquals(code, 1);
    assertStringIncludes(stderr, "UserError: No hardware GPU answered");
  },
});

Deno.test({
  name: "restartWith() keeps process number, arguments and exit code, and adds to the environment",
  ignore: !onLinux,
  fn: async () => {
    const text = `
      import { restartWith } from "./restart.ts";
      console.log(JSON.stringify([Deno.pid, Deno.env.get("BEFORE"), Deno.env.get("AFTER"), Deno.args]));
      if (Deno.env.has("AFTER")) Deno.exit(7);
      restartWith({ AFTER: "größer als zuvor" });`;
    const args = ["with space", "", "--flag=ü"];
    const { code, stdout } = await runModule(text, args, { BEFORE: "1" });
    const [first, second] = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(code, 7);
    assertEquals(first.slice(1), ["1", null, args]);
    assertEquals(second, [first[0], "1", "größer als zuvor", args]);
  },
});
