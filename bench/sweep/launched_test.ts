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
  assertMatch(errors, /Error: mpirun started 2 processes, and --ranks says 3; leave one of them out/);
  assertEquals(errors.match(/Error:/g)?.length, 1);
});

const taking = (variables: Record<string, string>) => {
  const forgotten: string[] = [];
  const launch = takeLaunch((name) => variables[name], (name) => void forgotten.push(name));
  return { launch, forgets: Object.keys(variables).every((name) => forgotten.includes(name)) };
};

Deno.test("takeLaunch() tells the rank, and forgets what would confuse ranks that this process starts", () => {
  assertEquals(taking({}).launch, undefined);
  const variables = { PMI_RANK: "1", PMI_SIZE: "4", MPI_LOCALNRANKS: "4", PMI_FD: "6", HYDI_CONTROL_FD: "7" };
  assertEquals(taking(variables), { launch: { rank: 1, size: 4 }, forgets: true });
  assertEquals(launchedRanks({ rank: 0, size: 4 }, []), [4]);
  assertEquals(launchedRanks({ rank: 0, size: 4 }, [4]), [4]);
});

Deno.test("takeLaunch() names the command where srun, or mpirun on several hosts, has placed the ranks", () => {
  const launched = { PMI_RANK: "0", PMI_SIZE: "4" };
  const refused = (variables: Record<string, string>) => () => taking({ ...launched, ...variables });
  for (const job of [{}, { MPI_LOCALNRANKS: "4", SLURM_JOB_ID: "7" }] as Record<string, string>[]) {
    assertThrows(
      refused(job),
      UserError,
      "HEADROOM_MPIRUN='srun --mpi=pmi2 --kill-on-bad-exit' deno task bench --ranks 4",
    );
  }
  assertThrows(
    refused({ MPI_LOCALNRANKS: "2" }),
    UserError,
    "HEADROOM_MPIRUN='mpirun -hosts HOST,HOST -n {ranks}' deno task bench --ranks 4",
  );
  assertEquals(taking({ ...launched, PMI_RANK: "1" }).launch, { rank: 1, size: 4 }); // one of them says so
});
