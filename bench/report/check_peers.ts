import { plural } from "../../src/text/format.ts";
import type { Finding } from "./finding.ts";
import { type PeerRow, type Peers, subject } from "./peer_records.ts";

/** Whether a run of `bench/peers` came to its end, no row failed but for want of memory, and every loss is a number. */
export function checkPeers({ header: { planned }, rows }: Peers): Finding[] {
  return [checkTurns(planned, rows), checkEndings(rows), checkLosses(rows)];
}

function checkTurns(planned: Peers["header"]["planned"], rows: readonly PeerRow[]): Finding {
  if (!planned) return { pass: true, text: `${plural(rows.length, "row")}; what was planned is not told` };
  const short = rows.filter(({ rounds, failure }) => !failure && rounds < planned.rounds).length;
  const pass = rows.length === planned.rows && short === 0;
  const text = `${rows.length} of ${plural(planned.rows, "planned row")}, ` +
    (short === 0 ? "each to its end" : `${short} of them without all of ${plural(planned.rounds, "round")}`);
  return { pass, text: pass ? text : `${text}: run the command again, to its end` };
}

function checkEndings(rows: readonly PeerRow[]): Finding {
  const failed = rows.find(({ failure }) => failure?.status === "error");
  return failed
    ? { pass: false, text: `${fullName(failed)} failed: ${failed.failure!.message}` }
    : { pass: true, text: "no row failed but for want of memory" };
}

function checkLosses(rows: readonly PeerRow[]): Finding {
  const lost = rows.filter(({ rounds, firstLoss, losses }) =>
    rounds > 0 && (firstLoss === null || losses.includes(null))
  );
  return lost.length === 0 ? { pass: true, text: "every loss is a number" } : {
    pass: false,
    text: `${fullName(lost[0])} has a loss that is no number`,
  };
}

const fullName = (row: PeerRow) => `${subject(row)}, ${row.arithmetic}, ${row.form}`;
