import { assertEquals } from "@std/assert";
import { checkPeers } from "./check_peers.ts";
import { type PeerTurn, readPeers } from "./peer_records.ts";
import { outOfMemory, peersHeader, peersText, peerTurn } from "./peers_testing.ts";

const whole = [
  peerTurn(),
  peerTurn({ form: "wide", ...outOfMemory }), // is not tried again
  peerTurn({ round: 1 }),
];

/** What is wrong with turns of a run of two rows and two rounds. */
function faults(turns: PeerTurn[], header: object = { ...peersHeader, planned: { rows: 2, rounds: 2 } }) {
  return checkPeers(readPeers(peersText(turns, header))).filter(({ pass }) => !pass).map(({ text }) => text);
}

Deno.test("checkPeers() passes a run that came to its end, and one whose plan is not told", () => {
  assertEquals(faults(whole), []);
  assertEquals(faults(whole.slice(0, 1), peersHeader), []);
});

Deno.test("checkPeers() finds rows and rounds that are missing, rows that failed, and losses that are no number", () => {
  const remedy = "run the command again, to its end";
  assertEquals(faults(whole.slice(0, 1)), [
    `1 of 2 planned rows, 1 of them without all of 2 rounds: ${remedy}`,
  ]);
  assertEquals(faults([whole[0], whole[2]]), [`1 of 2 planned rows, each to its end: ${remedy}`]);
  assertEquals(faults(whole.slice(0, 2)), [
    `2 of 2 planned rows, 1 of them without all of 2 rounds: ${remedy}`,
  ]);
  const failed = peerTurn({ ...outOfMemory, status: "error", message: "No", round: 1 });
  assertEquals(faults([...whole.slice(0, 2), failed]), ["small, 4 × 25, f32, plain failed: No"]);
  assertEquals(faults([...whole.slice(0, 2), peerTurn({ round: 1, loss: null })]), [
    "small, 4 × 25, f32, plain has a loss that is no number",
  ]);
});
