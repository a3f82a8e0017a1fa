import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delimiter, join } from "node:path";
import config from "../deno.json" with { type: "json" };
import { gpuTest } from "../kernels/testing/testing.ts";

const root = join(import.meta.dirname!, "..");

/** The line of the README that installs the program. */
const [installLine] = Deno.readTextFileSync(join(root, "README.md")).match(/^ {4}deno install .*$/m) ?? [];

/** A folder where a user is, with the program installed by the README's line beside it. */
class User {
  private constructor(readonly folder: string, readonly bin: string) {}

  static async withProgram(work: (user: User) => Promise<void>): Promise<void> {
    const folder = await Deno.makeTempDir();
    const user = new User(join(folder, "work"), join(folder, "bin"));
    try {
      await Deno.mkdir(user.folder);
      const words = installLine!.trim().split(" ").slice(1);
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [...words, "--root", folder].toSorted((a, b) =>
          Number(a.endsWith(".ts")) - Number(b.endsWith(".ts"))
        ),
        cwd: root,
      }).output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
      await work(user);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }

  /** The program, or what a shell makes of it. */
  command(program: "headroom" | "bash" | "fish", args: string[]): Deno.Command {
    return new Deno.Command(program === "headroom" ? join(this.bin, "headroom") : program, {
      args,
      cwd: this.folder,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: {
        NO_COLOR: "1",
        LD_LIBRARY_PATH: "/opt/lib", // many users have it set
        PATH: [this.bin, join(Deno.execPath(), ".."), Deno.env.get("PATH")].join(delimiter),
      },
    });
  }

  async run(...args: string[]): Promise<{ code: number; out: string; errors: string }> {
    return told(await this.command("headroom", args).output());
  }
}

const told = ({ code, stdout, stderr }: Deno.CommandOutput) => {
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, errors };
};

const unix = { ignore: Deno.build.os === "windows" };

Deno.test(
  "The installed program tells its version, and runs where the user is",
  unix,
  () =>
    User.withProgram(async (user) => {
      const version = await user.run("--version");
      assertMatch(
        version.out,
        new RegExp(`^headroom ${config.version.replaceAll(".", "\\.")}( \\(commit [0-9a-f]{12}|$)`, "m"),
      );
      await Deno.writeTextFile(join(user.folder, "mine.json"), '{"name": "mine", "bits": 4}');
      const plan = await user.run("plan", "--policy", "mine.json", "--json");
      assertEquals([plan.code, JSON.parse(plan.out)[0].policy], [0, "mine"], plan.errors);
      const wrong = await user.run("plan", "--model", 'it\'s "none"');
      assertEquals(wrong.code, 2);
      assertStringIncludes(wrong.errors, 'Unknown model "it\'s "none"');
    }),
);

Deno.test(
  "The installed program gives a command its task's permissions and no others",
  unix,
  () =>
    User.withProgram(async (user) => {
      const golden = join(root, "src/models/testdata/gpt2-ragged");
      const verified = await user.run("verify", golden, "--write-grads", "gradients.safetensors");
      assertEquals(verified.code, 0, verified.errors);
      const chart = join(user.folder, "..", "elsewhere.svg");
      const { code, errors } = await user.run("plan", "--chart", chart, "--policy", "exact", "--batch", "1");
      assertEquals(code, 1);
      assertMatch(errors, /Deno was not allowed to; give a path below this folder, or.*--allow-write/);
    }),
);

/** How a shell completes the words that its script is given. */
const shells = {
  bash: 'source <(headroom completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _headroom; ' +
    'printf "%s\\n" "${COMPREPLY[@]}"',
  fish: 'headroom completion fish | source; complete -C "$argv"',
};

function isInstalled(program: string): boolean {
  if (Deno.build.os === "windows") return false;
  return new Deno.Command("sh", { args: ["-c", `command -v ${program}`] }).outputSync().success;
}

for (const shell of ["bash", "fish"] as const) {
  const missing = !isInstalled(shell);
  Deno.test({
    name: `The installed program's completion works in ${shell}${missing ? " (not installed here)" : ""}`,
    ignore: missing,
    fn: () =>
      User.withProgram(async (user) => {
        const complete = async (...words: string[]) => {
          const first = shell === "bash" ? ["bash"] : []; // bash calls its first argument $0
          const args = ["-c", shells[shell], ...first, "headroom", ...words];
          const { code, out, errors } = told(await user.command(shell, args).output());
          assertEquals(code, 0, errors);
          return out.split("\n").map((line) => line.split("\t")[0].trim()).filter(Boolean);
        };
        assertEquals(await complete("ver"), ["verify"]);
        assertEquals(await complete("bench", "ablation-g"), ["ablation-grouping"]);
        assertEquals(await complete("plan", "--policy", "exact,mesa8-s"), ["exact,mesa8-selective"]);
      }),
  });
}

gpuTest(
  "The installed program records the command that ran, and ends with its command",
  () =>
    User.withProgram(async (user) => {
      const step = "--model nano --sequence 16 --batch 1 --policy exact --warmup 0 --no-tune";
      const bench = `bench ${step} --rounds 1 --steps 1 --quality-steps 0 --out report`;
      const { code, errors } = await user.run(...bench.split(" "));
      assertEquals(code, 0, errors);
      const [header] = (await Deno.readTextFile(join(user.folder, "report/results.jsonl"))).split("\n");
      assertEquals(JSON.parse(header).command, `headroom ${bench}`);

      const child = user.command("headroom", `train ${step} --steps 1000000`.split(" ")).spawn();
      const output = child.output();
      const alive = setTimeout(() => child.kill("SIGKILL"), 60_000);
      await new Promise((resolve) => setTimeout(resolve, 3000)); // by then it trains; sooner, the signal ends it as well
      child.kill("SIGTERM");
      assertEquals((await output).code, 143);
      clearTimeout(alive);
    }),
  Deno.build.os === "windows" && "no signals",
);
