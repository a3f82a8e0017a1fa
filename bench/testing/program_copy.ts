/** A copy of the program, in which a test may change what it likes. */

import { project } from "../machine/environment.ts";

const parts = ["deno.json", "deno.lock", "bench", "kernels", "src"];

/** Copies the program into a folder of its own for the length of `work`. */
export async function withProgramCopy(work: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    for (const name of parts) await copy(name, project, root);
    await work(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function copy(path: string, from: string, to: string): Promise<void> {
  const { isDirectory } = await Deno.stat(`${from}/${path}`);
  if (!isDirectory) return await Deno.copyFile(`${from}/${path}`, `${to}/${path}`);
  if (path.endsWith("/testdata")) return;
  await Deno.mkdir(`${to}/${path}`);
  for await (const { name } of Deno.readDir(`${from}/${path}`)) await copy(`${path}/${name}`, from, to);
}

/** Replaces a part of a file of the program. Throws if it is not there. */
export async function patch(root: string, path: string, from: string, to: string): Promise<void> {
  const text = await Deno.readTextFile(`${root}/${path}`);
  if (!text.includes(from)) throw new Error(`${path} has no "${from}"`);
  await Deno.writeTextFile(`${root}/${path}`, text.replace(from, () => to));
}

/** Runs git in a folder, by nobody's settings but its own. Throws if it fails. Returns what it prints. */
export async function git(cwd: string, ...args: string[]): Promise<string> {
  const env = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
  const who = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
  const { success, stdout, stderr } = await new Deno.Command("git", { args: [...who, ...args], cwd, env })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

/** Makes a repository of a copy, whose one commit is the program. */
export async function commitAll(root: string): Promise<void> {
  await git(root, "init", "--quiet");
  await git(root, "add", ".");
  await git(root, "commit", "--quiet", "-m", "The program");
}
