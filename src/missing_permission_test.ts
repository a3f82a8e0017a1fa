import { assertEquals, assertThrows } from "@std/assert";
import { missingFlag, permissionSentence } from "./missing_permission.ts";

const refused: [name: string, attempt: () => unknown, sentence: string][] = [
  [
    "a file",
    () => Deno.readTextFileSync("some/model.json"),
    "Deno was not allowed to read some/model.json; run it with --allow-read=some/model.json",
  ],
  [
    "a file whose name cannot stand in a list",
    () => Deno.writeTextFileSync("a, b", ""),
    "Deno was not allowed to write a, b; run it with --allow-write",
  ],
  [
    "a temporary file",
    () => Deno.makeTempFileSync(),
    "Deno was not allowed to do this; run it with --allow-write",
  ],
  [
    "a variable",
    () => Deno.env.get("HOME"),
    "Deno was not allowed to use the environment variable HOME; run it with --allow-env=HOME",
  ],
  [
    "all variables",
    () => Deno.env.toObject(),
    "Deno was not allowed to do this; run it with --allow-env",
  ],
  [
    "the system",
    () => Deno.osRelease(),
    "Deno was not allowed to ask the system for osRelease; run it with --allow-sys=osRelease",
  ],
  [
    "a program",
    () => new Deno.Command("git", { env: { LD_LIBRARY_PATH: "" } }).outputSync(),
    "Deno was not allowed to run git; run it with --allow-run=git",
  ],
  [
    "a library",
    () => Deno.dlopen("/lib/libvulkan.so.1", {}),
    "Deno was not allowed to load the library /lib/libvulkan.so.1; run it with --allow-ffi=/lib/libvulkan.so.1",
  ],
];

for (const [name, attempt, sentence] of refused) {
  Deno.test({
    name: `permissionSentence() names the flag that allows ${name}`,
    permissions: "none",
    fn() {
      const error = assertThrows(attempt, Deno.errors.NotCapable);
      assertEquals(permissionSentence(error), sentence);
    },
  });
}

Deno.test("missingFlag() finds the flag in other words of Deno's, and asks for all where there is none", () => {
  const words =
    "Requires --allow-run permissions to spawn subprocess with LD_LIBRARY_PATH environment variable. " +
    "Alternatively, spawn with the environment variable unset.";
  assertEquals(missingFlag(new Error(words)), "--allow-run");
  assertEquals(
    permissionSentence(new Error('Requires all access to "/dev/dri", run again with the --allow-all flag')),
    "Deno was not allowed to do this; run it with --allow-all",
  );
  assertEquals(missingFlag(new Error("Can't escalate parent thread permissions")), "--allow-all");
});
