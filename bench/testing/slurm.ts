/** A Slurm of this machine alone, for proofs: its daemons run for as long as they are needed, by a configuration in a folder of their own. */

const delay = (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds));

/** Whether a program is installed. */
export const installed = (program: string) =>
  new Deno.Command("sh", { args: ["-c", `command -v ${program}`], stdout: "null" }).output().then((
    { success },
  ) => success);

/** Why no Slurm can be started here; undefined if one can. */
export async function noSlurm(): Promise<string | undefined> {
  for (const program of ["munged", "slurmctld", "slurmd", "sbatch", "srun"]) {
    if (!await installed(program)) {
      return `${program} is not installed; on Debian: apt install slurm-wlm munge`;
    }
  }
  return Deno.uid() === 0 ? undefined : "Slurm's daemons are started as root";
}

/** Does `work` with the environment in which Slurm's commands find a Slurm of two tasks on this host; ends its daemons, and what still runs there. */
export async function withSlurm(work: (env: Record<string, string>) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "slurm" });
  const env = { SLURM_CONF: `${folder}/slurm.conf` };
  const daemons: Deno.ChildProcess[] = [];
  const start = (program: string, ...args: string[]) => {
    const daemon = new Deno.Command(program, { args, env, stdout: "null", stderr: "null" }).spawn();
    daemons.push(daemon);
    return daemon;
  };
  try {
    await Deno.writeTextFile(env.SLURM_CONF, configuration(folder));
    await Deno.writeFile(`${folder}/key`, crypto.getRandomValues(new Uint8Array(128)), { mode: 0o600 });
    start(
      ...[
        "munged",
        "--foreground",
        "--force",
        `--socket=${folder}/socket`,
        `--key-file=${folder}/key`,
      ] as const,
      ...["pid", "seed", "log"].map((file) => `--${file}-file=${folder}/munge.${file}`),
    );
    await delay(500);
    start("slurmctld", "-D");
    let ended = false;
    void start("slurmd", "-D").status.then(() => ended = true);
    await until("Slurm takes jobs", async () => {
      if (ended) throw new Error("slurmd has ended");
      return (await printedBy("sinfo", ["-h", "-o", "%T"], env)) === "idle";
    }).catch(async ({ message }: Error) => {
      throw new Error(`${message}. slurmd.log ends:\n${await endOf(`${folder}/slurmd.log`)}`);
    });
    try {
      await work(env);
    } finally {
      await printedBy("scancel", ["--user=root"], env).catch(() => ""); // what the work failed of is told first
    }
  } finally {
    for (const daemon of daemons.toReversed()) await end(daemon);
    await Deno.remove(folder, { recursive: true });
  }
}

/** Ends a daemon, by force where it takes longer than five seconds. */
async function end(daemon: Deno.ChildProcess): Promise<void> {
  const kill = (signal: Deno.Signal) => {
    try {
      daemon.kill(signal);
    } catch {
      // ended by itself
    }
  };
  kill("SIGTERM");
  const late = setTimeout(kill, 5000, "SIGKILL");
  await daemon.status;
  clearTimeout(late);
}

/** The last lines of a file; of one that is not there, that. */
async function endOf(file: string): Promise<string> {
  const text = await Deno.readTextFile(file).catch(() => "(nobody has written it)");
  return text.trimEnd().split("\n").slice(-10).join("\n");
}

/** Ports that the registered ones do not have, so that a Slurm of the system's own can run beside this. */
const configuration = (folder: string) => `
ClusterName=proof
SlurmctldHost=${Deno.hostname()}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${folder}/socket
CredType=cred/munge
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
SlurmctldLogFile=${folder}/slurmctld.log
SlurmdLogFile=${folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
NodeName=${Deno.hostname()} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
`;

/** What a program prints. */
export async function printedBy(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args: [...args], env, stderr: "null" }).output();
  return new TextDecoder().decode(stdout).trim();
}

/** Waits until something is so. Throws an Error where it is not after a minute, or so many seconds. */
export async function until(what: string, isSo: () => Promise<boolean>, seconds = 60): Promise<void> {
  for (let waited = 0; !await isSo(); waited += 0.2) {
    if (waited > seconds) throw new Error(`Not so after ${seconds} s: ${what}`);
    await delay(200);
  }
}
