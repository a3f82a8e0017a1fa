import { extractOptionNames, message, or, text } from "@optique/core";
import { run } from "@optique/run";
import config from "../deno.json" with { type: "json" };
import { nearest } from "../src/suggest.ts";
import { attempt } from "./commands/attempt.ts";
import { bench } from "./commands/bench.ts";
import { check } from "./commands/check.ts";
import { cell } from "./commands/cell.ts";
import { compare } from "./commands/compare.ts";
import { doctor } from "./commands/doctor.ts";
import { fit } from "./commands/fit.ts";
import { kernels } from "./commands/kernels.ts";
import { merge } from "./commands/merge.ts";
import { plan } from "./commands/plan.ts";
import { rank } from "./commands/rank.ts";
import { report } from "./commands/report.ts";
import { schema } from "./commands/schema.ts";
import { summary } from "./commands/summary.ts";
import { test } from "./commands/test.ts";
import { train } from "./commands/train.ts";
import { verify } from "./commands/verify.ts";
import { escaped } from "./processes/explain.ts";

/** What a command line stands for: does the work and gives the exit code. */
export type Action = () => number | Promise<number>;

export const commands = {
  bench,
  train,
  verify,
  plan,
  fit,
  kernels,
  doctor,
  report,
  check,
  compare,
  merge,
  summary,
  schema,
  test,
  cell,
  rank,
  attempt,
};
const hidden = ["cell", "rank", "attempt"];
/** Commands for users. */
export const publicNames = Object.keys(commands).filter((name) => !hidden.includes(name));

/** What a command line needs of the program around it; tests stand in for the process. */
export interface CommandLineHost {
  /** What `--version` prints after the name; the version alone where it is not asked for. */
  version?: string;
  exit?: (code: number) => never;
  stdout?: (text: string) => void;
  stderr?: (text: string) => void;
}

/** Reads the arguments. Help, completion scripts and wrong arguments are answered here, and end the process: with 2 if wrong. */
export function parseCommandLine(args: readonly string[], host: CommandLineHost = {}): Action {
  const errors = {
    noMatch: message`Give a command: ${text(publicNames.join(", "))}`,
    unexpectedInput: (token: string) => message`${text(unexpected(token, args[0]))}`,
  };
  const print = host.stderr ?? console.error;
  const command = or(
    ...[bench, train, verify, plan, fit, kernels, doctor, report] as const,
    ...[check, compare, merge, summary, schema, test] as const,
    or(cell, rank, attempt), // it takes fifteen,
    { errors },
  );
  return run(command, {
    programName: "headroom",
    args,
    brief: message`How much memory can the training of a Transformer give back, and what does that cost?`,
    footer: message`Where the sources are, every command also runs as ${text("deno task COMMAND")}.`,
    help: "both",
    version: { value: `headroom ${host.version ?? config.version}`, option: true },
    completion: "command",
    aboveError: "none",
    errorExitCode: 2,
    showDefault: true,
    showChoices: { maxItems: Infinity },
    termWidth: "auto",
    usageLine: [{ type: "ellipsis" }],
    ...host.stdout && { stdout: host.stdout },
    onExit: host.exit ?? Deno.exit,
    stderr: (text) => print(text.split("\n").map(escaped).join("\n")),
  });
}

/** A sentence about an argument that fits nowhere, with what would, or where it would. */
function unexpected(token: string, commandName: string): string {
  if (!Object.hasOwn(commands, commandName)) return didYouMean("command", token, publicNames);
  if (!token.startsWith("-")) return `${commandName} takes no argument "${token}"`;
  const options = optionsOf(commandName);
  if (options.size === 0) return `${commandName} has no options; leave out "${token}"`;
  const [option] = token.split("=");
  const others = publicNames.filter((name) => optionsOf(name).has(option));
  return others.length > 0
    ? `Unknown option of ${commandName} "${option}", which is one of ${others.join(", ")}`
    : didYouMean(`option of ${commandName}`, option, [...options]);
}

const optionsOf = (name: string): ReadonlySet<string> =>
  extractOptionNames(commands[name as keyof typeof commands].usage);

function didYouMean(kind: string, token: string, known: string[]): string {
  const near = nearest(token, known);
  return `Unknown ${kind} "${token}"; ${near ? `did you mean "${near}"?` : `known: ${known.join(", ")}`}`;
}
