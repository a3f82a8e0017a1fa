import { createHash } from "node:crypto";
import { z } from "zod";
import { UserError } from "../../src/errors.ts";
import { configuration } from "../results/results.ts";

const line = z.object({
  configuration,
  paths: z.object({ data: z.string().optional(), images: z.string().optional() }),
  requireGpu: z.boolean(),
  textBytes: z.int().nonnegative().nullable(),
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
export async function sendJob(stdin: WritableStream<Uint8Array>, { text, ...job }: Job): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(
    new TextEncoder().encode(JSON.stringify({ ...job, textBytes: text?.length ?? null }) + "\n"),
  );
  if (text) await writer.write(text);
  writer.releaseLock();
}

/** Reads the job of this process. `abandoned` is resolved when the input ends. Throws a UserError if it ends too early. */
export async function receiveJob(
  stdin: ReadableStream<Uint8Array>,
): Promise<{ job: Job; abandoned: Promise<void> }> {
  const reader = stdin.getReader();
  let bytes = new Uint8Array();
  const readTo = async (enough: () => boolean) => {
    while (!enough()) {
      const { value, done } = await reader.read();
      if (done) throw new UserError("The input ends before the job does; run cells by `bench`");
      bytes = joined(bytes, value);
    }
  };
  await readTo(() => bytes.includes(newline));
  const end = bytes.indexOf(newline);
  const { textBytes, ...job } = line.parse(JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))));
  const start = end + 1;
  await readTo(() => bytes.length >= start + (textBytes ?? 0));
  const text = textBytes === null ? undefined : bytes.slice(start, start + textBytes);
  return { job: { ...job, text }, abandoned: drained(reader) };
}

const newline = "\n".charCodeAt(0);

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

async function drained(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  while (!(await reader.read()).done);
}
