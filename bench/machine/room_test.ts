import { assertEquals } from "@std/assert";
import type { Gpu } from "../../src/gpu/device.ts";
import { withPrograms } from "../testing/programs.ts";
import { withRoom } from "./room.ts";

Deno.test({
  name: "withRoom() leaves a card of which nobody tells anything as it is",
  ignore: Deno.build.os === "windows",
  async fn() {
    const gpu = { adapter: { name: "Imaginary 9000", class: "gpu" } } as Gpu;
    await withPrograms({ "nvidia-smi": "exit 9" }, async () => assertEquals(await withRoom(gpu), gpu));
    await withPrograms({ "nvidia-smi": "echo '1, 7, Imaginary 9000'" }, async () => {
      assertEquals((await withRoom(gpu)).room, 7 * 2 ** 20);
    });
  },
});
