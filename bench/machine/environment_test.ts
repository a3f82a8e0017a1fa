import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { withPrograms } from "../testing/programs.ts";
import { driverBytesInUse } from "./card_memory.ts";
import { describeEnvironment } from "./environment.ts";

const adapter = { name: "Imaginary 9000", class: "gpu", driver: "1.2", runtime: "native" } as const;
const told = "HEADROOM_COMMIT";

/** What `git` prints in a folder, by nobody's settings but its own; null where it is missing or fails. */
async function git(cwd: string, ...args: string[]): Promise<string | null> {
  const env = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
  const who = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
  try {
    const { success, stdout } = await new Deno.Command("git", { args: [...who, ...args], cwd, env }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch {
    return null;
  }
}

const withoutGit = await git(".", "--version") === null;

/** A repository of two commits in a folder for the length of `work`. */
async function withRepository(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const before = Deno.env.get(told);
  Deno.env.delete(told);
  try {
    await git(folder, "init");
    for (const text of ["first", "second"]) {
      await Deno.writeTextFile(`${folder}/sources.ts`, text);
      await git(folder, "add", "sources.ts");
      await git(folder, "commit", "-m", text);
    }
    await work(folder);
  } finally {
    if (before !== undefined) Deno.env.set(told, before);
    await Deno.remove(folder, { recursive: true });
  }
}

/** The commit that an environment names, and whether it is dirty. */
async function version(folder: string) {
  const { commit, dirty } = await describeEnvironment(adapter, folder);
  return { commit, dirty };
}

Deno.test({
  name: `describeEnvironment() names the commit of the sources, and tells whether they differ from it${
    withoutGit ? " (git is missing)" : ""
  }`,
  ignore: withoutGit,
  fn: () =>
    withRepository(async (folder) => {
      const commit = await git(folder, "rev-parse", "HEAD");
      assertMatch(commit!, /^[0-9a-f]{40}$/);
      assertNotEquals(commit, await git(folder, "rev-parse", "HEAD~1"));
      assertEquals(await version(folder), { commit, dirty: false });
      await Deno.writeTextFile(`${folder}/notes.txt`, "not tracked");
      assertEquals(await version(folder), { commit, dirty: false });
      await Deno.writeTextFile(`${folder}/sources.ts`, "third");
      assertEquals(await version(folder), { commit, dirty: true });
    }),
});

Deno.test({
  name: `describeEnvironment() leaves out the commit of a repository in which a copy of the sources lies${
    withoutGit ? " (git is missing)" : ""
  }`,
  ignore: withoutGit,
  fn: () =>
    withRepository(async (folder) => {
      await Deno.mkdir(`${folder}/copy`);
      assertEquals(await version(`${folder}/copy`), { commit: null, dirty: null });
      Deno.env.set(told, "cafe");
      assertEquals(await version(`${folder}/copy`), { commit: "cafe", dirty: null });
      Deno.env.delete(told);
    }),
});

Deno.test({
  name: "An nvidia-smi or a git that hangs is not waited for: what it would have told is null",
  ignore: Deno.build.os === "windows",
  async fn() {
    const before = Deno.env.get(told);
    Deno.env.delete(told);
    const git = 'case "$1" in status) sleep 60 ;; *) [ "$2" = HEAD ] && echo cafe || : ;; esac';
    try {
      await withPrograms({ "nvidia-smi": "sleep 60", git }, async () => {
        const asked = await Promise.all([driverBytesInUse(), version(".")]);
        assertEquals(asked, [null, { commit: "cafe", dirty: null }]);
      });
    } finally {
      if (before !== undefined) Deno.env.set(told, before);
    }
  },
});
