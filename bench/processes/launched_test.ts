import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import { UserError } from "../../src/errors.ts";
import { ranksTest } from "../../src/ranks/testing.ts";
import config from "../../deno.json" with { type: "json" };
import { parseSweep } from "../results/read_results.ts";
import { withFolder } from "../testing/folder.ts";
import { launchedRanks, takeLaunch } from "./launched.ts";

/** `mpirun -n 2` of the task `bench` as it stands, with its permissions. */
async function launch(...args: string[]): Promise<{ code: number; printed: string; errors: string }> {
  const { code, stdout, stderr } = await new Deno.Command("mpirun", {
    args: ["-n", "2", "sh", "-c", `${config.tasks.bench.command} "$@"`, "sh", ...args],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { NO_COLOR: "1", MPIEXEC_TIMEOUT: "100" },
    stdin: "null",
  }).output();
  const [printed, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, printed, errors };
}

ranksTest("mpirun of bench runs one sweep on as many ranks", () =>
  withFolder(async (folder) => {
    const size = ["--model", "nano", "--sequence", "16", "--batch", "2", "--policy", "exact", "--no-tune"];
    const brief = ["--steps", "1", "--warmup", "0", "--quality-steps", "0", "--rounds", "1"];
    const { code, printed, errors } = await launch(...size, ...brief, "--out", `${folder}/sweep`);
    assertEquals([code, printed.match(/The report is in/g)?.length], [0, 1], errors);
    const { records } = parseSweep(await Deno.readTextFile(`${folder}/sweep/results.jsonl`));
    assertEquals(records.map(({ status, ranks }) => [status, ranks?.length]), [["ok", 2]]);
  }));

ranksTest("mpirun of bench --ranks of another number is refused, once", async () => {
  const { code, errors } = await launch("--model", "nano", "--ranks", "3");
  assertEquals(code, 1);
  assertMatch(errors, /Error: 2 processes were started, and --ranks says 3; leave one of them out/);
  assertEquals(errors.match(/Error:/g)?.length, 1);
});

/** What a process with these variables is, and which it leaves. */
const taking = (variables: Record<string, string>) => {
  const left = { ...variables };
  const launch = takeLaunch({
    read: (name) => left[name],
    set: (name, value) => void (left[name] = value),
    forget: (name) => void delete left[name],
  });
  return { launch, left };
};

Deno.test("takeLaunch() tells the rank, and forgets what would confuse ranks that this process starts", () => {
  assertEquals(taking({ SLURM_PROCID: "0", SLURM_NTASKS: "2" }).launch, undefined); // the script of a job
  const variables = { PMI_RANK: "1", PMI_SIZE: "4", MPI_LOCALNRANKS: "4", PMI_FD: "6", HYDI_CONTROL_FD: "7" };
  assertEquals(taking(variables), { launch: { rank: 1, size: 4 }, left: {} });
  assertEquals(taking({ PMI_RANK: "0", PMI_SIZE: "1", MPI_LOCALNRANKS: "1" }), {
    launch: undefined,
    left: {},
  });
  assertEquals(launchedRanks({ rank: 0, size: 4 }, []), 4);
  assertEquals(launchedRanks({ rank: 0, size: 4 }, [4]), 4);
  assertThrows(
    () => launchedRanks({ rank: 0, size: 4 }, [4, 3]),
    UserError,
    "and --ranks says 4,3; leave one",
  );
});

Deno.test("takeLaunch() has a task of srun start ranks by a step that overlaps its own, on the same nodes", () => {
  const step = {
    ...{ SLURM_STEP_ID: "0", SLURM_PROCID: "0", SLURM_STEP_NUM_TASKS: "4", SLURM_STEP_NODELIST: "n[1-2]" },
  };
  const left = {
    ...step,
    SLURM_OVERLAP: "1",
    HEADROOM_MPIRUN: "srun --mpi=pmi2 --kill-on-bad-exit --nodelist=n[1-2]",
  };
  assertEquals(taking(step), { launch: { rank: 0, size: 4 }, left });
  const pmi = { PMI_RANK: "3", PMI_SIZE: "4", PMI_FD: "6" };
  assertEquals(taking({ ...step, ...pmi }), { launch: { rank: 3, size: 4 }, left });
  const own = { HEADROOM_MPIRUN: "mine" };
  assertEquals(taking({ ...step, ...own }).left, { ...left, ...own });
  assertEquals(taking({ ...step, SLURM_STEP_NUM_TASKS: "1" }), {
    launch: undefined,
    left: { ...left, SLURM_STEP_NUM_TASKS: "1" },
  });
});

Deno.test("takeLaunch() names the words that are wanted where mpirun has placed ranks on several hosts", () => {
  const launched = { PMI_RANK: "0", PMI_SIZE: "4", MPI_LOCALNRANKS: "2" };
  assertThrows(
    () => taking(launched),
    UserError,
    "HEADROOM_MPIRUN='mpirun -hosts HOST,HOST -n {ranks}', and --ranks 4",
  );
  assertEquals(taking({ ...launched, PMI_RANK: "1" }).launch, { rank: 1, size: 4 }); // one of them says so
  assertEquals(taking({ ...launched, HEADROOM_MPIRUN: "mine" }).launch, { rank: 0, size: 4 });
});
