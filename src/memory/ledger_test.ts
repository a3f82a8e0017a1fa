import { assertEquals } from "@std/assert";
import { Ledger } from "./ledger.ts";

Deno.test("Ledger keeps how much is live and how much was when that was most", () => {
  const ledger = new Ledger();
  ledger.open(100);
  ledger.open(50);
  ledger.close(50);
  ledger.open(30);
  assertEquals([ledger.liveBytes, ledger.peakBytes], [130, 150]);
  ledger.close(100);
  assertEquals([ledger.liveBytes, ledger.peakBytes], [30, 150]);
});
