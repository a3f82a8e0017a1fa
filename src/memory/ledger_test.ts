import { assertEquals, assertThrows } from "@std/assert";
import { Ledger } from "./ledger.ts";

Deno.test("Ledger keeps how much is live and how much was when that was most", () => {
  const ledger = new Ledger();
  const weights = ledger.open("weights", "parameters", 100);
  const pool = ledger.open("pool", "pool", 50);
  ledger.close(pool);
  ledger.open("range", "ranges", 30);
  assertEquals([ledger.liveBytes, ledger.peakBytes], [130, 150]);
  ledger.close(weights);
  assertEquals([ledger.liveBytes, ledger.peakBytes], [30, 150]);
});

Deno.test("Ledger.entries lists live buffers, largest first", () => {
  const ledger = new Ledger();
  ledger.open("small", "control", 4);
  const gone = ledger.open("gone", "transient", 6);
  ledger.open("large", "saved", 9);
  ledger.close(gone);
  assertEquals(ledger.entries, [
    { name: "large", account: "saved", bytes: 9 },
    { name: "small", account: "control", bytes: 4 },
  ]);
});

Deno.test("Ledger.close() throws on a buffer that was closed before", () => {
  const ledger = new Ledger();
  const ticket = ledger.open("once", "transient", 1);
  ledger.close(ticket);
  assertThrows(() => ledger.close(ticket), Error, "is not open");
  assertEquals(ledger.liveBytes, 0);
});
