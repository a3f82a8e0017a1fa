import { assert, assertEquals, assertRejects } from "@std/assert";
import { dirname, join } from "node:path";
import { sha256 } from "../data/digest.ts";
import { UserError } from "../errors.ts";
import { fetchDawn } from "./dawn_package.ts";
import { isWhole, type PinnedFolder } from "./pinned_folder.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Hands a folder of the cache that is to hold an addon, and one of a package that holds what it says. */
async function withPackage(
  holds: string,
  work: (target: PinnedFolder, source: string) => Promise<void>,
): Promise<void> {
  const cache = await Deno.makeTempDir();
  const source = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(source, "dawn.node"), holds);
    const files = { "dawn.node": await sha256(bytes("an addon")) };
    await work({ what: "Dawn", folder: join(cache, "headroom", "dawn"), files }, source);
  } finally {
    for (const folder of [cache, source]) await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("fetchDawn() places the addon, and asks once more for a package that is damaged", () =>
  withPackage("half", async (target, folder) => {
    const asked: boolean[] = [];
    const source = async (again: boolean) => {
      asked.push(again);
      if (again) await Deno.writeTextFile(join(folder, "dawn.node"), "an addon");
      return folder;
    };
    assert(!await isWhole(target));
    await fetchDawn({ target, source });
    assertEquals(asked, [false, true]);
    assert(await isWhole(target));
    const left = Array.from(Deno.readDirSync(dirname(target.folder)), ({ name }) => name);
    assertEquals(left, ["dawn"], "no drafts are left");
  }));

Deno.test("fetchDawn() places nothing of another digest", () =>
  withPackage("another addon", async (target, folder) => {
    const source = () => Promise.resolve(folder);
    const refused = "does not hold the Dawn that this version";
    await assertRejects(() => fetchDawn({ target, source }), UserError, refused);
    assert(!await isWhole(target));
  }));
