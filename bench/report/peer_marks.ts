import { UserError } from "../../src/errors.ts";
import type { CellConfiguration } from "../results/results.ts";
import { kindOf } from "../results/read_results.ts";
import type { PeerMark, SweepHeader } from "../results/run_header.ts";
import { fullNameOfRow, readPeers } from "./peer_records.ts";

/**
 * The rows of a peers' file that were measured at a model and size of a sweep on this adapter. Throws a UserError if they are none of
 * PyTorch's, of another card, whose speeds say nothing here, or of no size of the sweep.
 */
export function peerMarks(
  text: string,
  cells: readonly Pick<CellConfiguration, "model" | "sequence" | "batch">[],
  adapter: string,
): NonNullable<SweepHeader["peers"]> {
  if (kindOf(text) !== "peers") {
    throw new UserError(
      "--peers names results that are none of PyTorch's; give a folder that bench/peers has written",
    );
  }
  const { header: { command, environment }, rows } = readPeers(text);
  if (environment.adapter !== adapter) {
    throw new UserError(
      `--peers names rows of ${environment.adapter}, and this is ${adapter}; measure them here by bench/peers, or leave it out`,
    );
  }
  const marks = rows.flatMap((row): PeerMark[] => {
    const { model, sequence, batch, unit, speed, peakBytes } = row;
    const isHere = cells.some((cell) =>
      cell.model === model && cell.sequence === sequence && cell.batch === batch
    );
    if (!isHere || !speed || peakBytes === null) return [];
    const [tokensPerSecond, fastest] = [speed.median, speed.largest].map((speed) =>
      speed * (unit === "images" ? sequence : 1)
    );
    return [{ model, sequence, batch, name: fullNameOfRow(row), tokensPerSecond, fastest, bytes: peakBytes }];
  });
  if (marks.length > 0) return { command, rows: marks };
  throw new UserError(
    "--peers names no row of these models and sizes whose speed and memory are known; measure them by bench/peers, or leave it out",
  );
}
