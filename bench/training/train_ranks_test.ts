import { assert, assertEquals, assertMatch } from "@std/assert";
import { testGpu } from "../../kernels/testing/testing.ts";
import { ranksTest } from "../../src/ranks/testing.ts";
import { readCheckpoint } from "../../src/models/checkpoint.ts";
import { withFolder } from "../testing/folder.ts";
import { withPrograms } from "../testing/programs.ts";
import { trained } from "./training_run.ts";

/** What one process and several may differ by in a loss, relatively: in another order of sums (docs/ranks.md). */
const limit = 1e-5;

const small = ["--sequence", "17", "--batch", "3", "--no-tune", "--sample-tokens", "2"];

/** How `train` ended, as a process of its own; `launcher`: a shell script that has `mpirun`'s arguments. */
async function train(
  options: readonly string[],
  { cwd, launcher, meanwhile = () => {} }: {
    readonly cwd: string;
    readonly launcher?: string;
    readonly meanwhile?: (child: Deno.ChildProcess, printed: string) => void;
  },
): Promise<{ code: number; printed: string; errors: string }> {
  if (launcher) await Deno.writeTextFile(`${cwd}/launch`, `#!/bin/sh\n${launcher}\n`, { mode: 0o755 });
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      new URL("../main.ts", import.meta.url).href,
      "train",
      ...small,
      ...options,
    ],
    cwd,
    env: { NO_COLOR: "1", ...launcher && { HEADROOM_MPIRUN: `${cwd}/launch` } },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const told = new Response(child.stderr).text();
  let printed = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    printed += part;
    meanwhile(child, printed);
  }
  const errors = (await told).split("\n").filter((line) =>
    !/^(Adapter|Note): |XDG_RUNTIME_DIR|^$/.test(line)
  );
  return { code: (await child.status).code, printed, errors: errors.join("\n") };
}

const steps = ["--steps", "5", "--eval-every", "3", "--json"];

for (const spread of ["sequence", "batch"]) {
  ranksTest(
    `train on 2 ranks that share a ${spread} has one process's losses, told once`,
    () =>
      withFolder(async (cwd) => {
        const one = await train(steps, { cwd });
        const two = await train([...steps, "--ranks", "2", "--spread", spread], { cwd });
        assertEquals([one.code, two.code], [0, 0], two.errors);
        const [alone, both] = [one, two].map(({ printed }) => trained.parse(JSON.parse(printed)));
        assertEquals([both.ranks, both.losses.length, both.evaluations.length], [2, 5, 2]);
        const all = ({ losses, evaluations }: typeof both) => [
          ...losses,
          ...evaluations.map(({ loss }) => loss),
        ];
        const expected = all(alone);
        all(both).forEach((loss, i) =>
          assert(Math.abs(loss / expected[i] - 1) <= limit, `${loss}, not ${expected[i]}`)
        );
        assertEquals(two.errors.match(/^After step 5: /gm)?.length, 1, two.errors);
      }),
  );
}

ranksTest(
  "Of ranks the first alone saves, and tells of a card that they share",
  () =>
    withFolder(async (cwd) => {
      await Deno.mkdir(`${cwd}/elsewhere`);
      const launcher = 'shift 2; exec mpirun -n 1 "$@" : -wdir elsewhere -n 1 "$@"';
      const saving = ["--steps", "1", "--ranks", "2", "--save", "own.safetensors"];
      const { name } = (await testGpu()).adapter;
      const driver = `case "$1" in --query-gpu=uuid,*) echo 'GPU-1, ${name}' ;; esac`;
      await withPrograms({ "nvidia-smi": driver }, async () => {
        const { code, printed, errors } = await train(saving, { cwd, launcher });
        assertEquals([code, printed.match(/^Saved own\.safetensors$/gm)?.length], [0, 1], errors);
        assertEquals(printed.match(/^Ranks 0 and 1 share one card of /gm)?.length, 1, printed);
      });
      assertEquals((await readCheckpoint(`${cwd}/own.safetensors`)).model.layers, 2);
      assertEquals([...Deno.readDirSync(`${cwd}/elsewhere`)], []);
    }),
);

const endless = ["--steps", "1000000", "--ranks", "2"];

/** Does something once a run has begun. */
const onceTraining = (work: (child: Deno.ChildProcess) => void) => {
  let done = false;
  return (child: Deno.ChildProcess, printed: string) => {
    if (done || !printed.includes("Training")) return;
    done = true;
    setTimeout(() => work(child), 1000);
  };
};

ranksTest(
  "train on ranks ends by a signal after the steps under way, and saves what it has",
  () =>
    withFolder(async (cwd) => {
      const meanwhile = onceTraining((child) => child.kill("SIGINT"));
      const { code, printed, errors } = await train([...endless, "--save", "s.safetensors"], {
        cwd,
        meanwhile,
      });
      assertEquals(code, 130, errors);
      assertMatch(printed, /Stopped after step \d+ of 1000000\nSaved s\.safetensors\n$/);
      assertEquals((await readCheckpoint(`${cwd}/s.safetensors`)).model.layers, 2);
    }),
);

ranksTest(
  "train on ranks ends with one sentence where a rank is killed, or fails, or all diverge",
  () =>
    withFolder(async (cwd) => {
      const killing = `[ "$1" = --version ] && exit
said=$(mktemp)
exec 3<&0
mpirun "$@" 2>"$said" <&3 &
until rank=$(sed -n 's/^Rank 1 is process //p' "$said") && [ "$rank" ]; do sleep 0.1; done
sleep 1; kill -9 "$rank"; wait; cat "$said" >&2; rm "$said"; exit 9`;
      const killed = await train(endless, { cwd, launcher: killing });
      assertEquals(killed.code, 1);
      assertMatch(
        killed.errors,
        /^Error: A rank was ended by a signal, so the others were ended; mpirun names rank [01] \(process \d+ on [^)]+\): (Killed \(signal 9\)|Aborted \(signal 6\))$/,
      );
      const failing = 'shift 2; exec mpirun -n 1 "$@" : -n 1 env HEADROOM_ADAPTER=none-such "$@"';
      const failed = await train(endless, { cwd, launcher: failing });
      assertEquals(failed.code, 1);
      assertMatch(failed.errors, /^Error: Rank 1: Unknown HEADROOM_ADAPTER "none-such"; known: .*$/);
      const diverged = await train([
        "--steps",
        "3",
        "--warmup",
        "0",
        "--learning-rate",
        "1e30",
        "--ranks",
        "2",
      ], {
        cwd,
      });
      assertEquals(diverged.code, 1);
      assertMatch(diverged.errors, /^Error: The loss is \S+ from step [23] on: training has diverged, .*$/);
    }),
);
