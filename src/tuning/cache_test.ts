import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { UserError } from "../errors.ts";
import { cacheKey, readCache, writeCache } from "./cache.ts";

Deno.test("writeCache() adds to what is remembered, by key", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/deep/variants.json`;
  assertEquals(await readCache(path, "one"), {});
  await writeCache(path, "one", { a: "1", b: "2" });
  await writeCache(path, "one", { b: "3" });
  await writeCache(path, "two", { a: "4" });
  assertEquals(await readCache(path, "one"), { a: "1", b: "3" });
  assertEquals(await readCache(path, "two"), { a: "4" });
  assertEquals((await Array.fromAsync(Deno.readDir(`${folder}/deep`))).length, 1, "no drafts are left");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("readCache() remembers nothing from a file that is broken", async () => {
  const path = await Deno.makeTempFile();
  for (const text of ["", "{", "[]", '{"one": {"a": 1}}']) {
    await Deno.writeTextFile(path, text);
    assertEquals(await readCache(path, "one"), {}, text);
  }
  await Deno.remove(path);
});

Deno.test("writeCache() says what to do where it cannot write", async () => {
  const path = await Deno.makeTempFile(); // a file where a folder is wanted
  await assertRejects(() => writeCache(`${path}/variants.json`, "one", {}), UserError, "set XDG_CACHE_HOME");
  await Deno.remove(path);
});

Deno.test("cacheKey() tells adapters, drivers and runtimes apart, and not one adapter from itself", async () => {
  const adapter = { name: "Some GPU", driver: "1.2", runtime: "native" as const };
  assertEquals(await cacheKey(adapter), await cacheKey({ ...adapter }));
  assertNotEquals(await cacheKey(adapter), await cacheKey({ ...adapter, driver: "1.3" }));
  assertNotEquals(await cacheKey(adapter), await cacheKey({ ...adapter, name: "Another" }));
  assertNotEquals(await cacheKey(adapter), await cacheKey({ ...adapter, runtime: "dawn" }));
});
