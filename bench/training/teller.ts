import { z } from "zod";
import { printJson } from "../../src/text/print_json.ts";

/** Where a training run tells how it goes. */
export interface Teller {
  /** A line. */
  say(text: string): void;
  /** A text, with line breaks of its own. */
  write(text: string): void;
  /** What became of the run, where that is asked for. */
  print(document: unknown): void;
  /** Whether what is written can be written over. */
  readonly isTerminal: boolean;
}

/** Tells on standard output; `json` has that to itself, and all else goes to stderr. */
export function tellerOf({ json = false }: { readonly json?: boolean }): Teller {
  const out = json ? Deno.stderr : Deno.stdout;
  return {
    say: json ? console.error : console.log,
    write: (text) => void out.writeSync(new TextEncoder().encode(text)),
    print: printJson,
    isTerminal: out.isTerminal(),
  };
}

const message = z.tuple([z.enum(["say", "write", "print"]), z.unknown()]);

/** Tells another process, which has started this one: a line of JSON each on standard output. */
export function remoteTeller(isTerminal: boolean): Teller {
  const telling = (how: z.infer<typeof message>[0]) => (what: unknown) =>
    console.log(JSON.stringify([how, what] satisfies z.infer<typeof message>));
  return { say: telling("say"), write: telling("write"), print: telling("print"), isTerminal };
}

/** Tells nobody. */
export const silentTeller: Teller = { say() {}, write() {}, print() {}, isTerminal: false };

/** Passes on what another process tells. Returns what it prints beside that. */
export async function passOn(stdout: ReadableStream<Uint8Array>, teller: Teller): Promise<string> {
  let [rest, others] = ["", ""];
  for await (const part of stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const told = message.safeParse(parsed(line));
      if (told.success) teller[told.data[0]](told.data[1] as string);
      else others += `${line}\n`;
    }
  }
  return others + rest;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
