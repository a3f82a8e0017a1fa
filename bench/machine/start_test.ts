import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import {
  isUnpacked,
  swiftShaderFolder,
  swiftShaderRuns,
  swiftShaderVariables,
} from "../../src/adapter/swiftshader.ts";

const onLinux = Deno.build.os === "linux";

/** Where SwiftShader is loaded from, if it was unpacked. */
const cache = Deno.env.has("HOME") || Deno.env.has("XDG_CACHE_HOME") ? swiftShaderFolder() : "/nowhere";
const unpacked = swiftShaderRuns() && await isUnpacked(cache).catch(() => false);

/** Runs a module text as a program that may do what commands may; relative imports start from this folder. */
async function runModule(
  text: string,
  args: string[],
  env: Record<string, string>,
  permissions = ["--allow-read", "--allow-env", "--allow-run", "--allow-sys=uid", `--allow-ffi=${cache}`],
) {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, text.replaceAll('"./', `"${new URL("./", import.meta.url).href}`));
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        ...permissions,
        "--no-lock",
        `--config=${fileURLToPath(new URL("../../deno.json", import.meta.url))}`,
        file,
        ...args,
      ],
      env: { NO_COLOR: "1", HEADROOM_RUNTIME: "native", ...env }, // Dawn's are in bench/runtime_test.ts
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

/** The environment of a process that finds no driver. */
const noDriver = { VK_DRIVER_FILES: "/nowhere", VK_ICD_FILENAMES: "/nowhere" };

Deno.test("ensureAdapterEnvironment() says on one line which adapter it took", async () => {
  const { code, stdout, stderr } = await runModule(start, [], {});
  assertEquals({ code, stdout }, { code: 0, stdout: "ready\n" });
  assertEquals(stderr.split("\n").filter((line) => line.startsWith("Adapter: ")).length, 1);
});

/** Prints the adapters that this process gets, and one that it starts. */
const twoAdapters = `
  import { ensureAdapterEnvironment } from "./start.ts";
  const ask = "const adapter = await navigator.gpu.requestAdapter(); console.log(adapter?.info.description);";
  const { name } = await ensureAdapterEnvironment();
  console.log(name);
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", ask] }).output();
  console.log(new TextDecoder().decode(stdout).trim(), Deno.env.get("LD_LIBRARY_PATH"));`;

for (const HEADROOM_ADAPTER of ["auto", "swiftshader"]) {
  Deno.test({
    name:
      `ensureAdapterEnvironment() brings SwiftShader to this process and its children where no driver answers, ` +
      `HEADROOM_ADAPTER=${HEADROOM_ADAPTER}${unpacked ? "" : " (SwiftShader is not unpacked)"}`,
    ignore: !unpacked,
    fn: async () => {
      const environment = { ...noDriver, HEADROOM_ADAPTER, LD_LIBRARY_PATH: `/opt/lib:${cache}` };
      for (const LD_LIBRARY_PATH of ["", "/opt/lib", environment.LD_LIBRARY_PATH]) {
        const { code, stdout, stderr } = await runModule(twoAdapters, [], {
          ...environment,
          LD_LIBRARY_PATH,
        });
        assertEquals(code, 0, stderr);
        assertStringIncludes(stderr, `: taking SwiftShader (a software adapter) from ${cache}\n`);
        const expected = LD_LIBRARY_PATH.includes(cache) ? LD_LIBRARY_PATH : `${cache}:${LD_LIBRARY_PATH}`;
        const [own, child] = stdout.trim().split("\n");
        assertMatch(own, /^SwiftShader/);
        assertEquals(child, `${own} ${expected.replace(/:$/, "")}`);
      }
    },
  });
}

Deno.test({
  name: `ensureAdapterEnvironment() loads nothing where a process that brought SwiftShader started this one${
    unpacked ? "" : " (SwiftShader is not unpacked)"
  }`,
  ignore: !unpacked,
  fn: async () => {
    const inherited = {
      ...swiftShaderVariables(cache),
      LD_LIBRARY_PATH: `/opt/lib:${cache}`,
      HEADROOM_ADAPTER: "swiftshader",
    };
    const { code, stderr } = await runModule(start, [], inherited, ["--allow-read", "--allow-env"]);
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /^Adapter: SwiftShader/m);
    assert(!stderr.includes("taking SwiftShader"));
  },
});

Deno.test({
  name:
    `ensureAdapterEnvironment() brings SwiftShader's own Vulkan loader, and takes nothing else from its folder${
      unpacked ? "" : " (SwiftShader is not unpacked)"
    }`,
  ignore: !unpacked,
  fn: async () => {
    const text = `
      import { ensureAdapterEnvironment } from "./start.ts";
      await ensureAdapterEnvironment();
      console.log(await Deno.readTextFile("/proc/self/maps"));`;
    // Deno shows a process its own libraries only if it may do everything.
    const { stdout } = await runModule(text, [], { ...noDriver, HEADROOM_ADAPTER: "swiftshader" }, [
      "--allow-all",
    ]);
    const loaded = [...stdout.matchAll(/\S+\/(?:libvulkan\.so|libvk_)\S*$|\S+\/swiftshader-\S+$/gm)].map((
      [path],
    ) => path);
    assertEquals([...new Set(loaded)].sort(), [`${cache}/libvk_swiftshader.so`, `${cache}/libvulkan.so.1`]);
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
