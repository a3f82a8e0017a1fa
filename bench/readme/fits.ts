import { UserError } from "../../src/errors.ts";

/** An answer that was proved. */
export interface ProvedFit {
  readonly model: string;
  readonly policy: string;
  /** The sizes that were not looked for: "1024 tokens". */
  readonly at: string;
  /** "batch 57", or "none". */
  readonly largest: string;
  readonly buffers: string;
  /** The next size, by how much it exceeds the memory by plan, and what refused it. */
  readonly next: string;
  readonly exceeds: string;
  readonly proof: string;
}

/** What fits on a card, as `fit --prove` prints it. */
export interface Fits {
  /** Path of what was printed. */
  readonly file: string;
  readonly card: string;
  readonly memory: string;
  /** How steps compute and update, where it is not the usual way: "products in f16". */
  readonly choices: string;
  readonly rows: readonly ProvedFit[];
  /** "Headroom 0.1.0 (commit 0123456789ab), 2026-01-31"; null of what does not tell it. */
  readonly made: string | null;
}

/** Reads such proofs. Throws a UserError where an answer was not proved, or something is missing. */
export function fitsIn(file: string, text: string): Fits {
  const missing = (what: string) => new UserError(`${file} does not tell ${what}: prove the fits again`);
  const [, card, choices = ""] =
    text.match(/^Planned for (.+), bindings of at most [^;]+; variants of [^;\n]+(?:; (.+))?$/m) ?? [];
  if (!card) throw missing("its card");
  const [header = [], , ...lines] = text.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const column = (line: readonly string[], name: string) => {
    const cell = line[header.indexOf(name)];
    if (!cell) throw missing(`"${name}" of each answer`);
    return cell;
  };
  if (lines.length === 0) throw missing("what fits");
  const rows = lines.map((line): ProvedFit => ({
    model: column(line, "model"),
    policy: column(line, "policy"),
    at: column(line, "at"),
    largest: column(line, "largest"),
    buffers: column(line, "buffers"),
    next: column(line, "the next"),
    exceeds: column(line, "exceeds by").replace(/^-(.*)/, "$1 within it"), // as older programs told it
    proof: column(line, "proof"),
  }));
  const open = rows.find(({ proof }) => /^(not proved|–)/.test(proof));
  if (open) {
    throw new UserError(
      `${file} has an answer that was not proved (${open.model}, ${open.policy}): prove it again`,
    );
  }
  const [, day, version] = text.match(/^Proved on (\S+) by (Headroom .+)$/m) ?? [];
  const made = version ? `${version}, ${day}` : null;
  return { made, file, card, memory: column(lines[0], "in"), choices, rows };
}
