import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { softwareWith } from "../../src/gpu/builder.ts";
import { typicalSoftwareLimits } from "../../src/gpu/limits.ts";
import { budgetOfCard } from "./budget.ts";

const host = { requireGpu: false, timeoutSeconds: 1, signal: new AbortController().signal };
const found = {
  ...{ adapter: "Imaginary 9000", driver: null },
  builder: softwareWith(typicalSoftwareLimits),
};

Deno.test("budgetOfCard() takes what the driver says to be free, and on a software adapter wants to be told", async () => {
  assertEquals(await budgetOfCard({ ...found, adapterClass: "gpu", free: 7 }, host), {
    bytes: 7,
    source: "driver",
  });
  await assertRejects(
    () => budgetOfCard({ ...found, adapterClass: "software", free: null }, host),
    UserError,
    "Imaginary 9000 has no memory of its own; say with --memory how much a step may take",
  );
});
