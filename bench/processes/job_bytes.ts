import { concatenate } from "../../src/data/concatenate.ts";
import { gathered, type Ranks } from "../../src/ranks/ranks.ts";

/** What a process is told: fields of JSON, and a text, where there is one. */
interface WithText {
  readonly text?: Uint8Array<ArrayBuffer>;
}

const newline = "\n".charCodeAt(0);

/** A job as bytes: a line of JSON, which tells how long the text behind it is, and the text. */
export function jobBytes<Job extends WithText>({ text, ...job }: Job): Uint8Array<ArrayBuffer> {
  const line = new TextEncoder().encode(JSON.stringify({ ...job, textBytes: text?.length ?? null }) + "\n");
  return concatenate([line, ...text ? [text] : []]);
}

/** The job that bytes begin with; undefined where they end before it does. */
export function jobOf(bytes: Uint8Array<ArrayBuffer>): WithText & Record<string, unknown> | undefined {
  const end = bytes.indexOf(newline);
  if (end < 0) return undefined;
  const { textBytes, ...job } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  if (textBytes === null) return job;
  const whole = end + 1 + textBytes;
  return bytes.length < whole ? undefined : { ...job, text: bytes.slice(end + 1, whole) };
}

/** The job of ranks, which the first reads from a file: a launcher passes on a few bytes of input alone. */
export async function sharedJob(
  file: string,
  ranks: Pick<Ranks, "rank" | "size" | "sum">,
): Promise<ReturnType<typeof jobOf>> {
  const own = ranks.rank === 0 ? await Deno.readFile(file) : new Uint8Array();
  return jobOf(gathered(ranks, own)[0]);
}
