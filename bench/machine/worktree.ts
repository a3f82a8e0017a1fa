import { UserError } from "../../src/errors.ts";
import { project } from "./environment.ts";

/** A commit of this project in a folder of its own, until `remove`. */
export interface Worktree {
  readonly folder: string;
  /** The whole name of the commit. */
  readonly commit: string;
  /** Takes the folder away, and what git remembers of it. */
  remove(): void;
}

/**
 * Checks a commit out into a temporary folder. A program that is ended by `Deno.exit` takes it away as well. Throws a UserError for what names
 * no commit, and where there is no git checkout.
 */
export function createWorktree(named: string): Worktree {
  const commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", `${named}^{commit}`);
  if (commit.text === null) {
    throw new UserError(
      `"${named}" names no commit of this checkout; give one that \`git log\` shows, in a clone with its history`,
    );
  }
  const parent = Deno.makeTempDirSync({ prefix: "headroom-against-" });
  const folder = `${parent}/base`;
  const remove = () => {
    globalThis.removeEventListener("unload", remove);
    git("worktree", "remove", "--force", folder);
    Deno.removeSync(parent, { recursive: true });
    git("worktree", "prune");
  };
  globalThis.addEventListener("unload", remove);
  const { text, said } = git("worktree", "add", "--detach", folder, commit.text);
  if (text !== null) return { folder, commit: commit.text, remove };
  remove();
  throw new UserError(`git cannot check ${named} out: ${said}`);
}

/** Runs git in the project, without waiting for anything else; `text` is null if it fails, `said` its last words then. */
function git(...args: string[]): { text: string | null; said: string } {
  try {
    const command = new Deno.Command("git", { args, cwd: project, stdin: "null" });
    const { success, stdout, stderr } = command.outputSync();
    const [text, said] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
    return { text: success ? text : null, said: said.split("\n").at(-1)! };
  } catch (error) {
    return { text: null, said: (error as Error).message };
  }
}
