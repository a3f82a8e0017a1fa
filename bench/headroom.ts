/**
 * The program `headroom`, as `deno task install` installs it. It starts a command where the user is, as `deno task` starts it where the
 * sources are: with the packages of their lock file, and with the permissions of that command's task and no others.
 */

import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };

const main = new URL("main.ts", import.meta.url);
const tasks: Record<string, { command: string }> = config.tasks;

/** Where a command runs: tests are those of the sources. */
const folder = (name: string) => name === "test" ? fileURLToPath(new URL("..", import.meta.url)) : ".";

/** What starts a command; what is none (`--help`, `--version`, `completion`) may ask git for the commit. */
function starter(name: string): string {
  const [flags, command] = tasks[name]?.command.split(" bench/main.ts ") ?? [];
  return `${command === name ? flags : "deno run --no-prompt --allow-run=git"} ${main.href}`;
}

const [name = ""] = Deno.args;
const child = new Deno.Command("deno", {
  args: [
    ...["task", "--quiet", "--config", fileURLToPath(new URL("../deno.json", import.meta.url))],
    ...["--cwd", folder(name), "--eval", starter(name), ...Deno.args],
  ],
  env: { HEADROOM_PROGRAM: "headroom" },
}).spawn();

// The command decides how it ends. A terminal sends SIGINT to it, too; the others are passed on.
const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
for (const signal of signals) {
  Deno.addSignalListener(signal, () => {
    if (signal !== "SIGINT") child.kill(signal);
  });
}
Deno.exit((await child.status).code);
