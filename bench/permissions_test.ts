import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delimiter, join } from "node:path";

const root = join(import.meta.dirname!, "..");
const { tasks } = JSON.parse(Deno.readTextFileSync(join(root, "deno.json"))) as {
  tasks: Record<string, { command: string }>;
};

/** Runs Deno in the project's folder; `lines` are those of stderr, without the loader's complaint about XDG_RUNTIME_DIR. */
async function runDeno(args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stderr).trim();
  const lines = text.split("\n").filter((line) => line !== "" && !line.includes("XDG_RUNTIME_DIR"));
  return { code, stdout: new TextDecoder().decode(stdout), lines };
}

const nanoStep = "--model nano --sequence 16 --batch 1 --steps 1 --no-tune";
const committed = "reports/2026-11-29-nvidia-h200/precision";
const goldenCase = "src/models/testdata/vit-small";

/** Flags, a command that needs more than they allow, and what it says of the one that is missing. */
const refused: [flags: string, command: string, said: RegExp, code?: number][] = [
  ["", "plan --model model.json", /model\.json: Deno was not allowed to; run it with --allow-read$/, 2],
  ["", "plan --policy policy.json", /policy\.json: Deno was not allowed to; run it with --allow-read$/, 2],
  ["", "fit --model model.json", /model\.json: Deno was not allowed to; run it with --allow-read$/, 2],
  ["", "plan --variants some.json", /some\.json: Deno was not allowed to; run it with --allow-read$/],
  ["", "bench --render some/report", /some\/report\/results\.jsonl: Deno was .*; run it with --allow-read$/],
  ["", "compare some/report other", /some\/report\/results\.jsonl: Deno was .*; run it with --allow-read$/],
  ["", `verify ${goldenCase}`, / src\/models\/.*: Deno was not allowed to; run it with --allow-read$/],
  ["--allow-env --allow-read", "doctor", /run it with --allow-sys=[a-zA-Z]+$/],
  ["--allow-env --allow-read", `train ${nanoStep}`, / --allow-run, or give a file with --data$/],
  ["--allow-env --allow-read", `bench ${nanoStep}`, / --allow-run, or give a file with --data$/],
  ["--allow-env --allow-read --allow-run", `bench ${nanoStep}`, /run it with --allow-sys=[a-zA-Z]+$/],
  [
    "--allow-env --allow-read --allow-run --allow-sys",
    `bench ${nanoStep} --out some/report`,
    / some\/report.* --allow-write /,
  ],
  [
    "--allow-env --allow-read --allow-run --allow-sys",
    `train ${nanoStep} --save some.safetensors`,
    /Cannot write some\.safetensors: Deno was not allowed to; give a path below this folder, or run it with --allow-write$/,
  ],
];

for (const [flags, command, said, expected = 1] of refused) {
  Deno.test(`"${command}" with ${flags || "no permission"} says in one sentence which flag is missing`, async () => {
    const permissions = ["--no-prompt", ...flags.split(" ").filter(Boolean)];
    const args = ["run", ...permissions, "bench/main.ts", ...command.split(" ")];
    const { code, lines } = await runDeno(args, { HEADROOM_ADAPTER: "auto", HEADROOM_RUNTIME: "native" }); // those at hand: none is loaded
    assertEquals(code, expected, lines.join("\n"));
    const told = lines.filter((line) => !/^(Adapter|Note): |^Training nano/.test(line));
    assertEquals(told.length, 1, lines.join("\n"));
    assertMatch(told[0], /^Error: /);
    assertMatch(told[0], said);
  });
}

Deno.test("No task may do everything, or stops at a prompt", () => {
  for (const [name, { command }] of Object.entries(tasks)) {
    for (const part of command.split("&&").filter((part) => part.includes("deno run"))) {
      assertStringIncludes(part, "deno run --no-prompt ", name);
      assert(!/ (-A|--allow-all|-[A-Z]+|-P)\b/.test(part), `${name}: ${part}`);
    }
  }
});

/** Deno lets a child inherit it only from a program that may run anything, and many users have it set. */
const ownLibraries = { LD_LIBRARY_PATH: "/opt/lib" };

/** Commands that the tasks run with their own permissions, and a line of what each prints. */
const suffices: [task: string, args: string[], printed: RegExp][] = [
  ["plan", ["--policy", "mesa8"], /saved activations/],
  ["fit", ["--memory", "8MiB,1GiB", "--policy", "exact"], /^\| nano .* largest batch /m],
  ["fit", ["--memory", "12MiB", "--policy", "exact", "--prove"], /trained; the next was refused by plan/],
  ["kernels", ["--model", "nano"], /× adamw/],
  ["compare", [committed, committed], /memory changed in 0/],
  ["summary", [committed], /^# Headroom on /],
  ["report", [committed], /^\*\*Not proved\*\*:$/m],
  ["verify", [goldenCase], /^exact: passed$/m],
  ["train", [...nanoStep.split(" "), "--sample-tokens", "2", "--prompt", "a"], /./],
];

for (const [task, args, printed] of suffices) {
  Deno.test(`"deno task ${[task, ...args].join(" ")}" may do what it must`, async () => {
    const { code, stdout, lines } = await runDeno(["task", task, ...args], ownLibraries);
    assertEquals(code, 0, lines.join("\n"));
    assertMatch(stdout, printed);
  });
}

Deno.test("deno task train refuses by plan what the machine has no memory for", async () => {
  const large = ["--model", "llama2-7b", "--batch", "512", "--steps", "1", "--no-tune"];
  const { code, lines } = await runDeno(["task", "train", ...large]);
  assertEquals(code, 1);
  // Of a card that tells nothing of its memory the largest buffer is refused.
  assertMatch(
    lines.at(-1)!,
    /^Error: (The device cannot give [\d.]+ TiB, there is room for|A buffer takes) /,
  );
});

Deno.test("plan --chart writes below the folder where it runs, and nowhere else", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [, ...flags] = tasks.plan.command.split(" bench/main.ts ")[0].split(" ");
    const cwd = join(folder, "inner");
    await Deno.mkdir(cwd);
    const chart = async (path: string) => {
      const args = [...flags, join(root, "bench/main.ts"), "plan", "--policy", "exact", "--chart", path];
      const child = new Deno.Command(Deno.execPath(), { args, cwd, env: { NO_COLOR: "1" } });
      const { code, stderr } = await child.output();
      return { code, told: new TextDecoder().decode(stderr) };
    };
    assertEquals((await chart("step.svg")).code, 0);
    assertStringIncludes(await Deno.readTextFile(join(cwd, "step.svg")), "<svg");
    const { code, told } = await chart("../step.svg");
    assertEquals(code, 1);
    assertMatch(
      told,
      /^Error: Cannot write \.\.\/step\.svg: Deno was not allowed to; give a path below this folder, or run it with --allow-write$/m,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Runs the task `doctor` with an `nvidia-smi` of one shell script. */
async function doctorWith(script: string) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "nvidia-smi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const PATH = folder + delimiter + Deno.env.get("PATH");
    return await runDeno(["task", "doctor"], { ...ownLibraries, PATH });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const answers: [script: string, told: RegExp][] = [
  [
    "echo 'NVIDIA H200, 580.95.05, 143771 MiB, 4 MiB'",
    /NVIDIA H200, driver 580\.95\.05, 143771 MiB, 4 MiB in use/,
  ],
  ["sleep 60", /it hangs/],
  [":", /no answer/],
  ["echo No devices were found", /no answer/],
  ["echo half; exit 1", /it fails/],
];

for (const [script, told] of answers) {
  Deno.test({
    name: `doctor tells what it got from an nvidia-smi that is "${script}"`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const { stdout } = await doctorWith(script);
      assertMatch(stdout, new RegExp(`^nvidia-smi +${told.source}$`, "m"));
    },
  });
}

Deno.test({
  name:
    "doctor --require-gpu ends with 1 where there is only a software adapter, as with HEADROOM_ADAPTER=gpu",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const noDriver = { VK_DRIVER_FILES: "/nowhere", VK_ICD_FILENAMES: "/nowhere" };
    const asked = await runDeno(["task", "doctor", "--require-gpu"], {
      ...noDriver,
      HEADROOM_ADAPTER: "auto",
    });
    const told = await runDeno(["task", "doctor"], { ...noDriver, HEADROOM_ADAPTER: "gpu" });
    for (const { code, stdout } of [asked, told]) {
      assertEquals(code, 1);
      assertStringIncludes(stdout, "No hardware GPU answered");
    }
  },
});
