import { createHash } from "node:crypto";
import { z } from "zod";
import { concatenate } from "../../src/data/concatenate.ts";
import { UserError } from "../../src/errors.ts";
import { jobBytes, jobOf } from "../processes/job_bytes.ts";
import { configuration } from "../results/results.ts";

const line = z.object({
  configuration,
  paths: z.object({ data: z.string().optional(), images: z.string().optional() }),
  requireGpu: z.boolean(),
  textBytes: z.int().nonnegative().nullable(),
  stepsPerTurn: z.int().positive().optional().describe("timed steps between which it waits for its turn"),
});

/** A digest of all that a job can say: programs that agree in it understand a cell alike. Descriptions do not count. */
export function protocol(): string {
  const schema = JSON.stringify(
    z.toJSONSchema(line, { io: "input" }),
    (key, value) => key === "description" ? undefined : value,
  );
  return createHash("sha256").update(schema).digest("hex");
}

/** What a cell's process is told. */
export interface Job extends Omit<z.infer<typeof line>, "textBytes"> {
  /** The built-in text, which the process may not ask for itself. */
  text?: Uint8Array<ArrayBuffer>;
}

/**
 * Tells a process its job on its standard input: a line of JSON, then the text. The input stays open for as long as this process lives, so
 * that its end tells the other that nobody waits for it.
 */
export async function sendJob(stdin: WritableStream<Uint8Array>, job: Job): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(jobBytes(job));
  writer.releaseLock();
}

/** What a process prints on a line of its own when it waits for its turn, and what it is told when that has come. */
export const turnRequest = "turn";
const turnGranted = "\n";

/** Tells a process that its turn has come. */
export async function grantTurn(stdin: WritableStream<Uint8Array>): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(new TextEncoder().encode(turnGranted));
  writer.releaseLock();
}

/** What a process is told, and what it may yet be told. */
export interface Received {
  job: Job;
  /** Resolved when the input ends. */
  abandoned: Promise<void>;
  /** Asks for a turn, and is resolved when it has come; it lasts until the next is asked for. */
  turn(): Promise<void>;
}

/** Reads the job of this process. Throws a UserError if its input ends too early. */
export async function receiveJob(stdin: ReadableStream<Uint8Array>): Promise<Received> {
  const reader = stdin.getReader();
  let bytes = new Uint8Array();
  let told = jobOf(bytes);
  while (told === undefined) {
    const { value, done } = await reader.read();
    if (done) throw new UserError("The input ends before the job does; run cells by `bench`");
    bytes = concatenate([bytes, value]);
    told = jobOf(bytes);
  }
  const { text } = told;
  let granted = () => {};
  return {
    job: { ...line.omit({ textBytes: true }).parse(told), text },
    abandoned: drained(reader, () => granted()),
    turn() {
      const turn = new Promise<void>((resolve) => granted = resolve);
      console.log(turnRequest);
      return turn;
    },
  };
}

/** Reads to the end. */
async function drained(reader: ReadableStreamDefaultReader<Uint8Array>, told: () => void): Promise<void> {
  while (!(await reader.read()).done) told();
}
