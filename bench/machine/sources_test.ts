import { assertEquals, assertNotEquals } from "@std/assert";
import { project } from "./environment.ts";
import { digestSources, digestTree } from "./sources.ts";

/** What `git` prints in a folder; null where it is missing or fails. */
async function git(folder: string, ...args: string[]): Promise<string | null> {
  const who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "core.autocrlf=false"];
  try {
    const { success, stdout } = await new Deno.Command("git", { args: [...who, ...args], cwd: folder })
      .output();
    return success ? new TextDecoder().decode(stdout) : null;
  } catch {
    return null;
  }
}

const withoutGit = await git(".", "--version") === null;

/** A program of one source, one test and what else is needed, for the length of `work`. */
async function withProgram(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of ["bench", "kernels", "src/testdata"]) {
      await Deno.mkdir(`${folder}/${name}`, { recursive: true });
    }
    for (
      const path of [
        "deno.json",
        "deno.lock",
        "src/a.ts",
        "src/a_test.ts",
        "src/testdata/b.ts",
        "kernels/c.wgsl",
        "README.md",
      ]
    ) {
      await Deno.writeTextFile(`${folder}/${path}`, `text of ${path}`);
    }
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("digestSources() changes with any source, and with no test", () =>
  withProgram(async (folder) => {
    const before = await digestSources(folder);
    for (const path of ["src/a_test.ts", "src/testdata/b.ts", "README.md"]) {
      await Deno.writeTextFile(`${folder}/${path}`, "changed");
    }
    assertEquals(await digestSources(folder), before);
    for (const path of ["src/a.ts", "kernels/c.wgsl", "deno.lock", "src/new.ts"]) {
      const old = await digestSources(folder);
      await Deno.writeTextFile(`${folder}/${path}`, "changed");
      assertNotEquals(await digestSources(folder), old, path);
    }
  }));

Deno.test({
  name: "digestTree() of a commit is digestSources() of its files",
  ignore: withoutGit,
  fn: () =>
    withProgram(async (folder) => {
      await git(folder, "init");
      await git(folder, "add", ".");
      await git(folder, "commit", "-m", "A program");
      const listing = await git(folder, "ls-tree", "-r", "HEAD");
      assertEquals(digestTree(listing!), await digestSources(folder));
    }),
});

Deno.test("digestSources() finds this program's own", async () => {
  assertEquals((await digestSources(project)).length, 64);
});
