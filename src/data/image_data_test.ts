import { assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { UserError } from "../errors.ts";
import { loadImages } from "./image_data.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

Deno.test("loadImages() without a path gives the generator's images", async () => {
  const { train, heldOut, digest, ...rest } = await loadImages({ size: 16 });
  assertEquals(rest, {
    name: "generated shapes",
    classes: 10,
    size: 16,
    generated: true,
  });
  assertEquals([train.count, heldOut.count], [50_000, 10_000]);
  assertMatch(digest, /^[0-9a-f]{12}$/);
  const other = await loadImages({ size: 16, seed: 1 });
  assertNotEquals(other.digest, digest);
  const first = [train, heldOut, other.train].map((set) => {
    const image = new Uint8Array(3 * 256);
    set.write(0, image, 0);
    return image.join();
  });
  assertEquals(new Set(first).size, 3);
});

Deno.test("loadImages() reads CIFAR by path; the digest is of the files' bytes", async () => {
  const path = `${folder}/a.bin`;
  await Deno.writeFile(path, new Uint8Array(20 * 3073).fill(7));
  const { train, heldOut, ...rest } = await loadImages({ path, size: 48 });
  assertEquals(rest, {
    name: "CIFAR-10",
    classes: 10,
    size: 48,
    digest: "22eaf08afaea", // sha256sum
    generated: false,
  });
  assertEquals([train.count, heldOut.count, heldOut.label(1)], [18, 2, 7]);
});

Deno.test("loadImages() refuses a size that no image has", async () => {
  for (const size of [0, 1.5, -8, NaN]) {
    assertEquals(
      (await assertRejects(() => loadImages({ size }), UserError)).message,
      `The image size is ${size}; give a whole number of pixels from 1`,
    );
  }
});
