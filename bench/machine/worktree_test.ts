import { assertEquals, assertStringIncludes } from "@std/assert";
import { commitAll, git, withProgramCopy } from "../testing/program_copy.ts";

/** Runs a script beside a copy's `createWorktree`. What it prints, its exit code, and what is left of it. */
async function run(root: string, script: string) {
  const temporary = `${root}/temporary`;
  await Deno.mkdir(temporary, { recursive: true });
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      `data:text/javascript,${
        encodeURIComponent(
          `import { createWorktree } from "file://${root}/bench/machine/worktree.ts"; ${script}`,
        )
      }`,
    ],
    env: { TMPDIR: temporary, NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  const [printed, said] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  const left = [...Deno.readDirSync(temporary)].length +
    (await git(root, "worktree", "list")).split("\n").length - 1;
  return { code, printed, said, left };
}

Deno.test("createWorktree() checks a commit out, and takes it away when it is told to or the program exits", () =>
  withProgramCopy(async (root) => {
    await commitAll(root);
    const commit = await git(root, "rev-parse", "HEAD");
    const look = `const tree = createWorktree("HEAD");
      const { size } = Deno.statSync(tree.folder + "/bench/main.ts");
      console.log(tree.commit, size > 0);`;
    const printed = `${commit} true`;
    assertEquals(await run(root, `${look} tree.remove();`), { code: 0, printed, said: "", left: 0 });
    assertEquals(await run(root, `${look} Deno.exit(3);`), { code: 3, printed, said: "", left: 0 });
    const { code, said, left } = await run(root, `createWorktree("HEAD~1");`);
    assertEquals([code, left], [1, 0]);
    assertStringIncludes(said, '"HEAD~1" names no commit of this checkout');
  }));
