/** Sweeps that are broken on purpose, and what must be left of them. Linux only. */

import { isPresent } from "../../src/io/files.ts";
import { parseSweep } from "../results/read_results.ts";
import { type CellRecord, keyOf } from "../results/results.ts";
import { runningWith } from "./processes.ts";

const project = `${import.meta.dirname}/../..`;

/** A run of `bench` that something happens to. */
export interface Run {
  readonly process: Deno.ChildProcess;
  hasEnded(): boolean;
  /** The environment variable of every process that it starts. */
  readonly mark: string;
  /** The report's folder. */
  readonly folder: string;
  /** Where the folder's file system can be filled; null where none could be made. */
  readonly disk: string | null;
}

/** Something that befalls a run. One that `ends` it is followed by a resumption, another by the next fault. */
export interface Fault {
  readonly ends: boolean;
  /** What the run must say of its end. */
  readonly says?: RegExp;
  /** Resolves false if the run had ended. */
  befall(run: Run): Promise<boolean>;
  /** What must be undone before the run can go on. */
  mend?(run: Run): Promise<void>;
}

const delay = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const goOn = "go on with `deno task bench --resume ";

const ending = (...signals: Deno.Signal[]): Fault => ({
  ends: true,
  says: signals.includes("SIGKILL") ? undefined : new RegExp(`Interrupted; .*: ${goOn}`),
  async befall({ process }) {
    for (const [index, signal] of signals.entries()) {
      if (index > 0) await delay(20);
      if (!kill(process.pid, signal)) return false;
    }
    return true;
  },
});

const ofChild = (signal: Deno.Signal): Fault => ({
  ends: false,
  async befall(run) {
    const child = await cellOf(run);
    return child !== null && kill(child, signal);
  },
});

/** The process of the cell under way, as soon as there is one, or as it has its job; null if the run has ended. */
export async function cellOf(run: Run, atWork = false): Promise<number | null> {
  while (!run.hasEnded()) {
    const all = await runningWith(run.mark);
    const cell = all.find(({ parent, command }) => parent === run.process.pid && command.endsWith(" cell"));
    if (cell && (cell.atWork || !atWork)) return cell.pid;
    await delay(20);
  }
  return null;
}

/** Everything that may befall a sweep. */
export const faults: Record<string, Fault> = {
  "SIGINT twice": ending("SIGINT", "SIGINT"),
  SIGTERM: ending("SIGTERM"),
  SIGHUP: ending("SIGHUP"),
  "SIGKILL of the parent": ending("SIGKILL"),
  "SIGKILL of the child": ofChild("SIGKILL"),
  "SIGSTOP of the child": ofChild("SIGSTOP"),
  "a full disk": {
    ends: true,
    says: new RegExp(`no space is left on the device; free some .*; then ${goOn}`),
    async befall(run) {
      if (run.disk === null || await cellOf(run) === null) return false;
      const filler = await Deno.open(`${run.disk}/filler`, { create: true, write: true });
      try {
        while (true) await filler.write(new Uint8Array(4096));
      } catch {
        return true;
      } finally {
        filler.close();
      }
    },
    mend: ({ disk }) => Deno.remove(`${disk}/filler`).catch(() => {}),
  },
  "a deleted folder": {
    ends: false,
    async befall(run) {
      if (await cellOf(run) === null) return false; // it has read the folder by then
      await Deno.remove(run.folder, { recursive: true });
      return true;
    },
  },
};

/** Numbers from 0 to below 1 that a seed fixes (xorshift). */
export function randomNumbers(seed: number): () => number {
  let state = seed * 2654435761 >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function kill(pid: number, signal: Deno.Signal): boolean {
  try {
    Deno.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // there is none yet
  }
}

/** Sweeps of one kind in a folder of their own, marked so that every process they start can be found. */
export class Sweeps {
  readonly #mark = `HEADROOM_SWEEP=${crypto.randomUUID()}`;
  /** For one process; a stopped one is waited for so long. */
  timeoutSeconds = 600;

  private constructor(
    readonly root: string,
    readonly disk: string | null,
    readonly options: readonly string[],
  ) {}

  /** Makes the folder, on a file system of its own if this user may mount one. */
  static async create(options: readonly string[]): Promise<Sweeps> {
    const root = await Deno.makeTempDir();
    const disk = `${root}/disk`;
    await Deno.mkdir(disk);
    await Deno.mkdir(`${root}/temporary`);
    const mounted = await succeeds("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk);
    return new Sweeps(root, mounted ? disk : null, options);
  }

  async remove(): Promise<void> {
    if (this.disk !== null) await succeeds("umount", "-l", this.disk);
    await Deno.remove(this.root, { recursive: true });
  }

  folder(name: string): string {
    return `${this.root}/disk/${name}`;
  }

  /** Begins a sweep, or goes on with it where it has begun. */
  start(name: string): Run {
    const folder = this.folder(name);
    const begun = read(`${folder}/results.jsonl`).includes("\n");
    if (!begun) Deno.removeSync(this.#ensured(folder), { recursive: true });
    const [variable, value] = this.#mark.split("=");
    const args = begun ? ["--resume", folder] : [...this.options, "--out", folder];
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "bench/main.ts", "bench", "--timeout", `${this.timeoutSeconds}`, ...args],
      cwd: project,
      env: { [variable]: value, TMPDIR: `${this.root}/temporary`, NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).spawn();
    let ended = false;
    process.status.then(() => ended = true);
    return { process, hasEnded: () => ended, mark: this.#mark, folder, disk: this.disk };
  }

  #ensured(folder: string): string {
    Deno.mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** What a run that has ended left behind: processes, temporary files. Children have some seconds to notice. */
  async leftovers(): Promise<string[]> {
    let running = await runningWith(this.#mark);
    for (let attempt = 0; attempt < 50 && running.length > 0; attempt++) {
      await delay(200);
      running = await runningWith(this.#mark);
    }
    return [
      ...running.map(({ command }) => `process ${command}`),
      ...[...Deno.readDirSync(`${this.root}/temporary`)].map(({ name }) => name),
      ...filesBelow(`${this.root}/disk`).filter((path) => path.endsWith(".tmp")),
    ];
  }

  records(name: string): CellRecord[] {
    const { records, skipped } = parseSweep(read(`${this.folder(name)}/results.jsonl`));
    if (skipped.length > 0) throw new Error(skipped.join("\n"));
    return records;
  }
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

async function succeeds(program: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** What two runs of one sweep must have in common: the cells in order, their memory, their losses. */
export function whatCounts(records: readonly CellRecord[]): unknown[] {
  return records.map(({ configuration, status, memory, quality, data }) => ({
    cell: keyOf(configuration),
    status,
    memory: memory && { ...memory, driverBytes: null },
    quality,
    data,
  }));
}

/** How a run ended: exit code and what it said. Throws if anything is left of it. */
async function finish(sweeps: Sweeps, { process }: Run): Promise<Deno.CommandStatus & { said: string }> {
  const [said, status] = await Promise.all([new Response(process.stderr).text(), process.status]);
  const left = await sweeps.leftovers();
  if (left.length > 0) throw new Error(`Left behind: ${left.join(", ")}\n${said}`);
  return { ...status, said };
}

/** The sweep that nothing befalls: its records. What its processes took tells how long those of broken ones are waited for. */
export async function whole(sweeps: Sweeps): Promise<CellRecord[]> {
  const records = await unbroken(sweeps, "whole");
  sweeps.timeoutSeconds = Math.ceil(10 * Math.max(...records.map(({ seconds }) => seconds)));
  return records;
}

/** Runs a sweep to its end and gives its records. Throws if it does not end well. */
async function unbroken(sweeps: Sweeps, name: string): Promise<CellRecord[]> {
  const { code, said } = await finish(sweeps, sweeps.start(name));
  if (code !== 0) throw new Error(`Exit code ${code}: ${said}`);
  return sweeps.records(name);
}

/**
 * Breaks a sweep by one fault after the other, each at a moment that `random` chooses: after none to `most` further records, within two
 * seconds. Goes on with it each time, and to its end. Gives its records; `tell` hears of each fault.
 */
export async function broken(
  sweeps: Sweeps,
  name: string,
  names: readonly (keyof typeof faults)[],
  { random, most, tell }: { random: () => number; most: number; tell(line: string): void },
): Promise<CellRecord[]> {
  let run: Run | null = null;
  for (const [index, fault] of names.entries()) {
    const { ends, says, befall, mend } = faults[fault];
    for (let done = false; !done;) {
      run ??= sweeps.start(name);
      await records(run, Math.floor(random() * (most + 1)));
      await delay(2000 * random());
      done = await befall(run);
      if (done && !ends) continue;
      const { code, signal, said } = await finish(sweeps, run); // one that nothing could befall had come to its end
      const wrong = done && says && signal === null && !says.test(said); // one that just starts says nothing
      if (wrong || /bug/i.test(said)) throw new Error(`${fault}: ${said}`);
      if (done) tell(`${index + 1}. ${fault}: exit code ${code}, ${sweeps.records(name).length} records`);
      await mend?.(run);
      // Nothing is left to break: once more from the start. A folder that was deleted before may be gone.
      if (!done && await isPresent(run.folder)) await Deno.remove(run.folder, { recursive: true });
      run = null;
    }
    if (!ends) tell(`${index + 1}. ${fault}: goes on`);
  }
  if (run) await finish(sweeps, run);
  return await unbroken(sweeps, name);
}

/** Waits for so many more records, or the end of the run. */
async function records({ folder, hasEnded }: Run, count: number): Promise<void> {
  const lines = () => read(`${folder}/results.jsonl`).split("\n").length;
  const before = lines();
  while (lines() < before + count && !hasEnded()) await delay(50);
}
