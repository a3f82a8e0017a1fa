import { assert, assertEquals } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { probeRoom } from "./probe_room.ts";

const MiB = 2 ** 20;

gpuTest(
  "probeRoom() takes no more of a software adapter than a quarter of what the system has, and gives it back",
  async () => {
    const { adapter, ...gpu } = await testGpu();
    const before = gpu.ledger.liveBytes;
    const told: number[] = [];
    const as = { ...gpu, adapter: { ...adapter, class: "software" as const } };
    const found = await probeRoom(as, { available: () => 500 * MiB }, (bytes) => {
      assert(bytes <= 128 * MiB, "it does not end");
      told.push(bytes);
    });
    assert(found <= 128 * MiB && found > 96 * MiB, `${found}`);
    assertEquals([told.at(-1), told.toSorted((a, b) => a - b)], [found, told]);
    assertEquals(gpu.ledger.liveBytes, before);
  },
);

gpuTest(
  "probeRoom() ends where half of what the system had is left, as with a card that takes the system's memory",
  async () => {
    const { adapter, ...gpu } = await testGpu();
    const as = { ...gpu, adapter: { ...adapter, class: "gpu" as const } };
    const before = gpu.ledger.liveBytes;
    const available = () => 256 * MiB - (gpu.ledger.liveBytes - before);
    const found = await probeRoom(as, { available });
    assert(found <= 128 * MiB && found > 96 * MiB, `${found}`);
  },
);
