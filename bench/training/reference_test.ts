import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { referenceWorks, timeReference } from "./reference.ts";

Deno.test("The reference is what it was: another text is to have another name", () => {
  const digests = Object.entries(referenceWorks).map(([name, work]) => [
    name,
    createHash("sha256").update(JSON.stringify(work)).digest("hex").slice(0, 16),
  ]);
  assertEquals(Object.fromEntries(digests), {
    "arithmetic-1": "d4585b758e5ff554",
    "memory-1": "b348e89e185e0c99",
  });
});

gpuTest(
  "timeReference() times both works, gives its memory back, and goes without where there is none",
  async () => {
    const gpu = await testGpu();
    const before = gpu.ledger.liveBytes;
    const times = await timeReference(gpu);
    assertEquals(Object.keys(times!), Object.keys(referenceWorks));
    for (const time of Object.values(times!)) assert(time > 0);
    assertEquals(gpu.ledger.liveBytes, before);
    assertEquals(await timeReference({ ...gpu, limits: { ...gpu.limits, maxBufferSize: 2 ** 20 } }), null);
  },
);

gpuTest(
  "timeReference() keeps a card at work until its clock has risen, and waits no longer than it has patience",
  async () => {
    const gpu = await testGpu();
    let asked = 0;
    await timeReference(gpu, { hasRisen: () => Promise.resolve(++asked === 3) });
    assertEquals(asked, 3);
    await timeReference(gpu, { hasRisen: () => Promise.resolve(++asked === 1000), patience: 1 });
    assertEquals(asked < 10, true);
  },
);
