import { assertEquals, assertThrows } from "@std/assert";
import { accounts, Ledger } from "./ledger.ts";

Deno.test("Ledger keeps what is live and what was live when the total was highest", () => {
  const ledger = new Ledger();
  const weights = ledger.open("weights", "parameters", 100);
  const pool = ledger.open("pool", "pool", 50);
  ledger.close(pool);
  ledger.open("range", "ranges", 30);
  assertEquals([ledger.liveBytes, ledger.peakBytes], [130, 150]);
  assertEquals([ledger.balance.pool, ledger.balance.ranges], [0, 30]);
  assertEquals(
    [ledger.balanceAtPeak.parameters, ledger.balanceAtPeak.pool, ledger.balanceAtPeak.ranges],
    [100, 50, 0],
  );
  ledger.close(weights);
  assertEquals([ledger.liveBytes, ledger.peakBytes], [30, 150]);
});

Deno.test("Ledger balances sum to its totals, over every account", () => {
  const ledger = new Ledger();
  const tickets = accounts.map((account, i) => ledger.open(account, account, 2 ** i));
  ledger.close(tickets[2]);
  ledger.close(tickets[5]);
  const sum = (balance: Record<string, number>) => Object.values(balance).reduce((a, b) => a + b, 0);
  assertEquals(sum(ledger.balance), ledger.liveBytes);
  assertEquals(sum(ledger.balanceAtPeak), ledger.peakBytes);
  assertEquals(ledger.peakBytes, 2 ** accounts.length - 1);
});

Deno.test("Ledger.balance is a copy that later buffers leave alone", () => {
  const ledger = new Ledger();
  const before = ledger.balance;
  ledger.open("logits", "head", 8);
  assertEquals([before.head, ledger.balance.head], [0, 8]);
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
