import { UserError } from "../../src/errors.ts";
import { sentenceCase } from "../../src/text/format.ts";

/** What is told several times has its plural in the program. */
const singular: Record<string, string> = {
  models: "model",
  sequences: "sequence",
  batches: "batch",
  policies: "policy",
  rankCounts: "ranks",
};

/** What a user calls a choice: `--gradient-every` of `gradientEvery`, and an argument by its own word. */
export function nameOf(choice: string, value: unknown): string {
  if (choice === "named") return `the profile ${value}`;
  const flag = singular[choice] ?? choice.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return `--${flag}`;
}

/** Whether an option was given. */
export const isGiven = (value: unknown) =>
  value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);

/** Throws a UserError for the first choice that is given and that `mode`, which users know by that word, does not use. */
export function refuseUnused(
  mode: string,
  choices: Readonly<Record<string, unknown>>,
  used: readonly string[],
): void {
  const idle = Object.entries(choices).find(([choice, value]) => isGiven(value) && !used.includes(choice));
  if (!idle) return;
  throw new UserError(`${sentenceCase(nameOf(...idle))} does nothing with ${mode}; leave one of them out`);
}
