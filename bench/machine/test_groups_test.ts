import { assertEquals } from "@std/assert";
import { countTestFiles, groupArguments } from "./test_groups.ts";

Deno.test("groupArguments() shards what is too much for one process, and hands every group the arguments", () => {
  assertEquals(groupArguments(["src/", "--filter", "x"], 25, 1), [
    ["--shard=1/5", "src/", "--filter", "x"],
    ["--shard=2/5", "src/", "--filter", "x"],
    ["--shard=3/5", "src/", "--filter", "x"],
    ["--shard=4/5", "src/", "--filter", "x"],
    ["--shard=5/5", "src/", "--filter", "x"],
  ]);
  assertEquals(groupArguments(["src/gpu"], 24, 6), [["src/gpu"]]);
  assertEquals(groupArguments([], 0, 2), [[]]);
  const groups = [1, 2, 6, 100].map((atOnce) => groupArguments([], 300, atOnce).length);
  assertEquals(groups, [13, 16, 43, 50]);
});

Deno.test("groupArguments() keeps in one process what several cannot do together", () => {
  for (const flag of ["--shard=1/2", "--watch", "--fail-fast=2", "--coverage", "--no-run", "-h"]) {
    assertEquals(groupArguments(["src/", flag], 200, 6), [["src/", flag]]);
  }
});

Deno.test("countTestFiles() counts under the paths given, else everywhere; the value of a flag is no path", async () => {
  const root = await Deno.makeTempDir();
  try {
    for (const folder of ["a/deep", "b", ".hidden", "node_modules"]) {
      await Deno.mkdir(`${root}/${folder}`, { recursive: true });
    }
    const files = ["a/one_test.ts", "a/one.ts", "a/deep/two_test.ts", "b/test.ts", "b/a_testing.ts"];
    for (const file of [...files, ".hidden/three_test.ts", "node_modules/four_test.ts"]) {
      await Deno.writeTextFile(`${root}/${file}`, "");
    }
    const counts: [args: string[], count: number][] = [
      [[], 3],
      [["a"], 2],
      [["a/", "b/test.ts"], 3],
      [["a/one_test.ts"], 1],
      [[`${root}/a`], 2],
      [["--filter", "a"], 3],
      [["--filter=x", "a"], 2],
      [["a", "--filter", "b"], 2],
      [["--no-check", "a"], 3],
      [["a/*_test.ts"], 3],
    ];
    for (const [args, count] of counts) assertEquals(countTestFiles(args, root), count, args.join(" "));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
