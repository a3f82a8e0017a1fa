import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { brotliCompressSync } from "node:zlib";
import { dirname, join } from "node:path";
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

Deno.test("unpackSwiftShader() looks again at a folder that another made while the archive came", async () => {
  const files = await digests();
  await inCache(async (folder) => {
    const archive = async () => {
      await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
      await Deno.writeTextFile(join(folder, "libdl.so.2"), "");
      return tinyArchive();
    };
    await assertRejects(() => unpackSwiftShader({ folder, files, archive }), UserError, "holds libdl.so.2");
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

Deno.test("swiftShaderFolder() follows XDG_CACHE_HOME, then HOME, and is in no folder that all users share", () => {
  assertEquals(
    swiftShaderFolder({ XDG_CACHE_HOME: "/var/cache", HOME: "/home/ada" }),
    "/var/cache/headroom/swiftshader-153.0.0",
  );
  for (const none of [undefined, "", "relative/cache"]) {
    assertEquals(
      swiftShaderFolder({ XDG_CACHE_HOME: none, HOME: "/home/ada" }),
      "/home/ada/.cache/headroom/swiftshader-153.0.0",
    );
  }
  for (const environment of [{}, { HOME: "" }, { HOME: "~", XDG_CACHE_HOME: "." }]) {
    assertThrows(() => swiftShaderFolder(environment), UserError, "set HOME or XDG_CACHE_HOME");
  }
});

Deno.test({
  name: "unpackSwiftShader() names a command that may fetch it, where this one may not",
  permissions: { read: true, write: true, sys: true, run: false },
  async fn() {
    await inCache(async (folder) => {
      await assertRejects(() => unpackSwiftShader({ folder }), UserError, "run `deno task bench smoke` once");
    });
  },
});

/** What somebody else could have done to the folder, and what is said of it. */
const plants: [name: string, plant: (folder: string) => Promise<unknown>, said: string][] = [
  [
    "a library beside SwiftShader's",
    (folder) => Deno.writeTextFile(join(folder, "libdl.so.2"), ""),
    "holds libdl.so.2, which is not SwiftShader's: remove the folder",
  ],
  [
    "a folder that the dynamic linker looks through",
    (folder) => Deno.mkdir(join(folder, "glibc-hwcaps")),
    "holds glibc-hwcaps, which is not SwiftShader's: remove the folder",
  ],
  [
    "a link in place of a file",
    async (folder) => {
      const [manifest, elsewhere] = [join(folder, "vk_swiftshader_icd.json"), join(folder, "../elsewhere")];
      await Deno.rename(manifest, elsewhere);
      await Deno.symlink(elsewhere, manifest);
    },
    "vk_swiftshader_icd.json is a link",
  ],
  [
    "a folder in place of a file",
    async (folder) => {
      await Deno.remove(join(folder, "vk_swiftshader_icd.json"));
      await Deno.mkdir(join(folder, "vk_swiftshader_icd.json"));
    },
    "vk_swiftshader_icd.json is no file",
  ],
  [
    "a file that others can write",
    (folder) => Deno.chmod(join(folder, "libvk_swiftshader.so"), 0o666),
    "libvk_swiftshader.so can be written by other users",
  ],
  ["a folder that others can write", (folder) => Deno.chmod(folder, 0o777), "can be written by other users"],
  [
    "a folder that its group can write",
    (folder) => Deno.chmod(folder, 0o770),
    "can be written by other users",
  ],
  [
    "a folder in one that others can write",
    (folder) => Deno.chmod(dirname(folder), 0o777),
    "can be written by other users",
  ],
  [
    "a link in place of the folder",
    async (folder) => {
      await Deno.rename(folder, `${folder}-elsewhere`);
      await Deno.symlink(`${folder}-elsewhere`, folder);
    },
    "is a link",
  ],
  [
    "a link in place of the folder above",
    async (folder) => {
      const above = dirname(folder);
      await Deno.rename(above, `${above}-elsewhere`);
      await Deno.symlink(`${above}-elsewhere`, above);
    },
    "is a link",
  ],
  [
    "a file in place of the folder",
    async (folder) => {
      await Deno.remove(folder, { recursive: true });
      await Deno.writeTextFile(folder, "");
    },
    "is no folder",
  ],
];

for (const [name, plant, said] of plants) {
  Deno.test({
    name: `unpackSwiftShader() refuses ${name}, as isUnpacked() does`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const files = await digests();
      await inCache(async (folder) => {
        const unpack = () =>
          unpackSwiftShader({ folder, files, archive: () => Promise.resolve(tinyArchive()) });
        await unpack();
        await plant(folder);
        for (const attempt of [unpack, () => isUnpacked(folder, files)]) {
          const { message } = await assertRejects(attempt, UserError);
          assertStringIncludes(message, said);
          assertStringIncludes(message, "remove");
        }
      });
    },
  });
}

Deno.test({
  name: "isUnpacked() refuses what belongs to another user",
  ignore: Deno.build.os === "windows",
  async fn() {
    const files = await digests();
    const { uid } = Deno;
    await inCache(async (folder) => {
      await unpackSwiftShader({ folder, files, archive: () => Promise.resolve(tinyArchive()) });
      Deno.uid = () => uid()! + 1;
      try {
        await assertRejects(() => isUnpacked(folder, files), UserError, "belongs to another user");
      } finally {
        Deno.uid = uid;
      }
    });
  },
});

Deno.test({
  name: "unpackSwiftShader() makes what only the user can write, whatever is the custom",
  ignore: Deno.build.os === "windows",
  async fn() {
    const files = await digests();
    const custom = Deno.umask(0);
    try {
      await inCache(async (folder) => {
        const unpack = () =>
          unpackSwiftShader({ folder, files, archive: () => Promise.resolve(tinyArchive()) });
        await unpack();
        assert(await isUnpacked(folder, files));
      });
    } finally {
      Deno.umask(custom);
    }
  },
});

Deno.test("swiftShaderVariables() leaves SwiftShader as the only driver, under both names of the list", () => {
  assertEquals(swiftShaderVariables("/c"), {
    VK_DRIVER_FILES: "/c/vk_swiftshader_icd.json",
    VK_ICD_FILENAMES: "/c/vk_swiftshader_icd.json",
  });
});

Deno.test("swiftShaderRuns() on Linux x86-64 alone", () => {
  assert(swiftShaderRuns({ os: "linux", arch: "x86_64" }));
  assert(!swiftShaderRuns({ os: "linux", arch: "aarch64" }));
  assert(!swiftShaderRuns({ os: "darwin", arch: "x86_64" }));
});
