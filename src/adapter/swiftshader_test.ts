import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { brotliCompressSync } from "node:zlib";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import {
  isUnpacked,
  swiftShaderFolder,
  swiftShaderRuns,
  swiftShaderVariables,
  unpackSwiftShader,
} from "./swiftshader.ts";

const contents: Record<string, string> = {
  "libvk_swiftshader.so": "a driver, in pretence".repeat(40), // longer than one tar block
  "vk_swiftshader_icd.json": "{}",
};

async function digests(): Promise<Record<string, string>> {
  const entries = Object.entries(contents).map(async ([name, text]) => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return [name, new Uint8Array(digest).toHex()];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** The package's archive in miniature, with a file that nobody wants in front. */
function tinyArchive(): Uint8Array {
  const blocks = Object.entries({ "libEGL.so": "unwanted", ...contents }).flatMap(([name, text]) => {
    const header = new Uint8Array(512);
    new TextEncoder().encodeInto(name, header);
    new TextEncoder().encodeInto(text.length.toString(8).padStart(11, "0"), header.subarray(124));
    const data = new Uint8Array(Math.ceil(text.length / 512) * 512);
    new TextEncoder().encodeInto(text, data);
    return [...header, ...data];
  });
  return new Uint8Array(brotliCompressSync(new Uint8Array([...blocks, ...new Uint8Array(1024)])));
}

async function inCache(test: (folder: string) => Promise<void>): Promise<void> {
  const cache = await Deno.makeTempDir();
  try {
    await test(join(cache, "headroom", "swiftshader"));
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}

function names(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), (entry) => entry.name).sort();
}

Deno.test("unpackSwiftShader() unpacks the wanted files and leaves nothing else behind", async () => {
  const files = await digests();
  await inCache(async (folder) => {
    assert(!await isUnpacked(folder, files));
    assertEquals(
      await unpackSwiftShader({ folder, files, archive: () => Promise.resolve(tinyArchive()) }),
      folder,
    );
    assert(await isUnpacked(folder, files));
    assertEquals(names(folder), Object.keys(contents));
    assertEquals(names(join(folder, "..")), ["swiftshader"]);
  });
});

Deno.test("unpackSwiftShader() asks for no archive when the folder is whole", async () => {
  const files = await digests();
  await inCache(async (folder) => {
    await unpackSwiftShader({ folder, files, archive: () => Promise.resolve(tinyArchive()) });
    await unpackSwiftShader({ folder, files, archive: () => Promise.reject(new Error("asked again")) });
  });
});

Deno.test("unpackSwiftShader() repairs a folder with a damaged, a missing or a foreign file", async () => {
  const files = await digests();
  const library = "libvk_swiftshader.so";
  const damages = [
    (folder: string) => Deno.truncate(join(folder, library), 5),
    (folder: string) => Deno.remove(join(folder, library)),
    (folder: string) => Deno.writeTextFile(join(folder, library), "another"),
  ];
  for (const damage of damages) {
    await inCache(async (folder) => {
      const archive = () => Promise.resolve(tinyArchive());
      await unpackSwiftShader({ folder, files, archive });
      await damage(folder);
      assert(!await isUnpacked(folder, files));
      await unpackSwiftShader({ folder, files, archive });
      assert(await isUnpacked(folder, files));
    });
  }
});

Deno.test("unpackSwiftShader() asks for a new copy of an archive that is cut short", async () => {
  const files = await digests();
  await inCache(async (folder) => {
    const asked: boolean[] = [];
    const archive = (again: boolean) => {
      asked.push(again);
      return Promise.resolve(again ? tinyArchive() : tinyArchive().subarray(0, 50));
    };
    await unpackSwiftShader({ folder, files, archive });
    assertEquals(asked, [false, true]);
  });
});

Deno.test("unpackSwiftShader() refuses files whose digest is not the pinned one", async () => {
  const files = { ...await digests(), "libvk_swiftshader.so": "0".repeat(64) };
  await inCache(async (folder) => {
    const unpack = () => unpackSwiftShader({ folder, files, archive: () => Promise.resolve(tinyArchive()) });
    await assertRejects(unpack, UserError, "install libvulkan1 and mesa-vulkan-drivers");
  });
});

Deno.test("unpackSwiftShader() lets several processes unpack at once", async () => {
  const files = await digests();
  await inCache(async (folder) => {
    const unpack = () => unpackSwiftShader({ folder, files, archive: () => Promise.resolve(tinyArchive()) });
    await Promise.all([unpack(), unpack(), unpack(), unpack()]);
    assert(await isUnpacked(folder, files));
    assertEquals(names(join(folder, "..")), ["swiftshader"]);
  });
});

Deno.test("unpackSwiftShader() names XDG_CACHE_HOME when the folder cannot be written", async () => {
  const files = await digests();
  const file = await Deno.makeTempFile();
  const unpack = () =>
    unpackSwiftShader({
      folder: join(file, "headroom", "x"),
      files,
      archive: () => Promise.resolve(tinyArchive()),
    });
  await assertRejects(unpack, UserError, "set XDG_CACHE_HOME");
  await Deno.remove(file);
});

Deno.test("swiftShaderFolder() follows XDG_CACHE_HOME, then HOME", () => {
  assertEquals(
    swiftShaderFolder({ XDG_CACHE_HOME: "/var/cache", HOME: "/home/ada" }),
    "/var/cache/headroom/swiftshader-153.0.0",
  );
  assertEquals(swiftShaderFolder({ HOME: "/home/ada" }), "/home/ada/.cache/headroom/swiftshader-153.0.0");
  assertStringIncludes(swiftShaderFolder({}), "headroom");
});

Deno.test("swiftShaderVariables() keeps the libraries that were asked for before", () => {
  assertEquals(swiftShaderVariables("/c", "/opt/lib").LD_LIBRARY_PATH, "/c:/opt/lib");
  assertEquals(swiftShaderVariables("/c", "").LD_LIBRARY_PATH, "/c");
  assertEquals(swiftShaderVariables("/c").VK_DRIVER_FILES, "/c/vk_swiftshader_icd.json");
});

Deno.test("swiftShaderRuns() on Linux x86-64 alone", () => {
  assert(swiftShaderRuns({ os: "linux", arch: "x86_64" }));
  assert(!swiftShaderRuns({ os: "linux", arch: "aarch64" }));
  assert(!swiftShaderRuns({ os: "darwin", arch: "x86_64" }));
});
