import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../errors.ts";
import { largestFile, readBytes, refusal, replaceFile, requireWritable, withFileErrors } from "./files.ts";

async function message(action: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(action, UserError)).message;
}

Deno.test("readBytes() says what is wrong with the path", async () => {
  const folder = await Deno.makeTempDir();
  assertEquals(
    await message(() => readBytes(`${folder}/none`)),
    `Cannot read ${folder}/none: there is no such file; check the path`,
  );
  assertEquals(
    await message(() => readBytes(folder)),
    `Cannot read ${folder}: it is a folder; give the path of a file`,
  );
  await Deno.writeTextFile(`${folder}/file`, "text");
  assertEquals(
    await message(() => readBytes(`${folder}/file/inner`)),
    `Cannot read ${folder}/file/inner: a part of the path is a file, not a folder; check the path`,
  );
  await Deno.truncate(`${folder}/file`, largestFile + 1); // a hole: no disk is used
  assertEquals(
    await message(() => readBytes(`${folder}/file`)),
    `${folder}/file has 4294967297 bytes, more than the 4294967296 that are read into memory; give a part of it`,
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: "readBytes() names the permission that Deno lacks",
  permissions: { read: false },
  async fn() {
    assertEquals(
      await message(() => readBytes("/some/file")),
      "Cannot read /some/file: Deno was not allowed to; run it with --allow-read",
    );
  },
});

Deno.test("refusal() explains what the system reports", () => {
  assertEquals(
    refusal("write", new Deno.errors.PermissionDenied()),
    "permission denied; choose a path that you may write",
  );
  assertEquals(
    refusal("write", Object.assign(new Error("No space left on device"), { code: "ENOSPC" })),
    "no space is left on the device; free some or choose another path",
  );
  assertEquals(refusal("read", Object.assign(new Error("Bad sector"), { code: "EIO" })), "Bad sector");
});

Deno.test("withFileErrors() passes errors of another kind through", async () => {
  const error = await assertRejects(
    () => withFileErrors("read", "x", () => Promise.reject(new RangeError("a bug"))),
    RangeError,
  );
  assertEquals(error.message, "a bug");
});

Deno.test("replaceFile() keeps the old file and leaves nothing behind when writing fails", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/file`, "old");
  await assertRejects(() =>
    replaceFile(`${folder}/file`, async (file) => {
      await file.write(new Uint8Array(10));
      throw new Error("half-way");
    })
  );
  assertEquals(await Deno.readTextFile(`${folder}/file`), "old");
  assertEquals((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), ["file"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("replaceFile() says why a path cannot be written", async () => {
  const folder = await Deno.makeTempDir();
  const write = (path: string) => message(() => replaceFile(path, async () => {}));
  assertEquals(
    await write(`${folder}/none/file`),
    `Cannot write ${folder}/none/file: its folder does not exist; create it first`,
  );
  assertEquals(await write(folder), `Cannot write ${folder}: it is a folder; give the path of a file`);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("requireWritable() refuses what could not be saved, and leaves nothing behind", async () => {
  const folder = await Deno.makeTempDir();
  await requireWritable(`${folder}/new`);
  await Deno.writeTextFile(`${folder}/old`, "text");
  await requireWritable(`${folder}/old`);
  assertEquals(
    await message(() => requireWritable(folder)),
    `Cannot write ${folder}: it is a folder; give the path of a file`,
  );
  assertEquals(
    await message(() => requireWritable(`${folder}/none/new`)),
    `Cannot write ${folder}/none/new: its folder does not exist; create it first`,
  );
  const left = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  assertEquals(left, ["old"]);
  assertEquals(await Deno.readTextFile(`${folder}/old`), "text");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("What is neither file nor folder is neither waited for nor replaced", async () => {
  assertEquals(
    await message(() => readBytes("/dev/zero")),
    "Cannot read /dev/zero: it is a device, a pipe or a socket; give the path of a file to read",
  );
  for (const attempt of [requireWritable, (path: string) => replaceFile(path, async () => {})]) {
    assertEquals(
      await message(() => attempt("/dev/full")),
      "Cannot write /dev/full: it is a device, a pipe or a socket; give the path of a file to write",
    );
  }
});

Deno.test("replaceFile() writes what links lead to, and leaves the links", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/inner`);
  await Deno.writeTextFile(`${folder}/inner/present`, "old");
  const links = { toPresent: "inner/present", toAbsent: "inner/absent", twice: "toAbsent" };
  for (const [link, target] of Object.entries(links)) await Deno.symlink(target, `${folder}/${link}`);
  for (const link of Object.keys(links)) {
    await requireWritable(`${folder}/${link}`);
    await replaceFile(
      `${folder}/${link}`,
      async (file) => void await file.write(new TextEncoder().encode(link)),
    );
    assertEquals((await Deno.lstat(`${folder}/${link}`)).isSymlink, true);
  }
  assertEquals(await Deno.readTextFile(`${folder}/inner/present`), "toPresent");
  assertEquals(await Deno.readTextFile(`${folder}/inner/absent`), "twice");
  await Deno.remove(folder, { recursive: true });
});
