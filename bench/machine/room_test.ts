import { assertEquals } from "@std/assert";
import type { Gpu } from "../../src/gpu/device.ts";
import { withPrograms } from "../testing/programs.ts";
import { freeOfCard, withRoom } from "./room.ts";

/** What is free on the card "Imaginary 9000" where such a driver answers. */
async function freeWhere(...lines: string[]): Promise<number | null> {
  const script = `case "$1" in --query-gpu=memory.free,name) ${
    lines.map((line) => `echo '${line}'`).join("; ") || ":"
  } ;; *) exit 2 ;; esac`;
  let free: number | null = null;
  await withPrograms({ "nvidia-smi": script }, async () => void (free = await freeOfCard("Imaginary 9000")));
  return free;
}

Deno.test({
  name:
    "freeOfCard() tells what is free on the emptiest card of that name, and nothing where the driver does not",
  ignore: Deno.build.os === "windows",
  async fn() {
    assertEquals(await freeWhere("80000, Imaginary 100", "7, Imaginary 9000"), 7 * 2 ** 20);
    assertEquals(await freeWhere("7, Imaginary 9000", "9, Imaginary 9000"), 9 * 2 ** 20);
    assertEquals(await freeWhere("80000, Imaginary 100"), null);
    assertEquals(await freeWhere("[N/A], Imaginary 9000"), null);
    assertEquals(await freeWhere(), null);
  },
});

Deno.test({
  name: "withRoom() leaves a card of which nobody tells anything as it is",
  ignore: Deno.build.os === "windows",
  async fn() {
    const gpu = { adapter: { name: "Imaginary 9000", class: "gpu" } } as Gpu;
    await withPrograms({ "nvidia-smi": "exit 9" }, async () => assertEquals(await withRoom(gpu), gpu));
    await withPrograms({ "nvidia-smi": "echo '7, Imaginary 9000'" }, async () => {
      assertEquals((await withRoom(gpu)).room, 7 * 2 ** 20);
    });
  },
});
