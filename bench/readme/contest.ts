import { isPlain } from "../../src/train/step_choices.ts";
import type { Cell } from "../report/cell_rounds.ts";
import { divergedItself, policiesOf } from "../report/frontier.ts";
import { nameOfRow, type PeerRow } from "../report/peer_records.ts";
import { code } from "../report/words.ts";
import type { Sweep } from "./reports.ts";

/** A way to train: as fast as this, in so many bytes. */
export interface Way {
  name: string;
  /** In which products are computed, where that is not f32: only Headroom's ways have it beside the name. */
  arithmetic?: string;
  speed: number;
  bytes: number;
  /** Where it was measured: only Headroom's ways have it. */
  sweep?: Sweep;
}

/** A model at a batch size, both programs' ways to train it. */
export interface Contest {
  /** "small at 16 × 1024" */
  subject: string;
  own: Way[];
  theirs: (Way & { row: PeerRow })[];
  /** Headroom's ways that are left out because training diverged, as they are told. */
  diverged: string[];
}

/**
 * The rows of one subject beside the cells of the same model, batch and length whose weights and moments are PyTorch's, in f32; of two cells
 * of a policy in one arithmetic the first counts, and none of harmful policies, nor of those that diverged in any of the sweeps there.
 */
export function contestOf(rows: PeerRow[], sweeps: Sweep[], harmful: readonly string[]): Contest {
  const [{ model, batch, sequence, unit }] = rows;
  const cells = sweeps.flatMap((sweep) => {
    const alike = sweep.comparisons.filter((other) =>
      other.model === model && other.batch === batch && other.sequence === sequence
    );
    // A frontier's cells have their arithmetic in their names, too.
    const policies = policiesOf(sweep.told);
    return alike.flatMap(({ cells }) =>
      [...cells].map(([name, cell]) => ({ name: policies.get(name) ?? name, cell, sweep }))
    );
  }).filter(({ cell }) => isPlain(cell.configuration));
  const diverged = new Set(cells.filter(divergedItself).map(toldBy));
  const ran = cells.filter((one) =>
    !one.cell.failure && !diverged.has(toldBy(one)) && !harmful.includes(one.name)
  );
  const own = [...Map.groupBy(ran, toldBy).values()].flatMap(([{ name, cell, sweep }]) => {
    const speed = speedOf(cell, unit);
    const { arithmetic } = cell.configuration;
    return speed === null || !cell.memory
      ? []
      : [{ name, arithmetic, speed, bytes: cell.memory.bufferBytes, sweep }];
  });
  const theirs = rows.flatMap((row) =>
    row.speed && row.peakBytes !== null
      ? [{ name: nameOfRow(row), speed: row.speed.median, bytes: row.peakBytes, row }]
      : []
  );
  return { subject: `${model} at ${batch} × ${sequence}`, own, theirs, diverged: [...diverged] };
}

/** "`mesa8`", "`mesa8` in f16" */
export const toldOf = ({ name, arithmetic }: Pick<Way, "name" | "arithmetic">): string =>
  code(name) + (arithmetic ? ` in ${arithmetic}` : "");
const toldBy = ({ name, cell: { configuration: { arithmetic } } }: { name: string; cell: Cell }) =>
  toldOf({ name, arithmetic });

const speedOf = (cell: Cell, unit: PeerRow["unit"]) =>
  unit === "images" ? cell.imagesPerSecond : cell.tokensPerSecond;

/** Whether one way is better than another in speed and memory together. */
export const beats = (one: Way, other: Way) => one.speed > other.speed && one.bytes < other.bytes;

/** Whether a row of PyTorch may be, as its fastest round was. */
export const mayBeat = ({ row, ...one }: Contest["theirs"][number], other: Way) =>
  beats({ ...one, speed: row.speed!.largest }, other);
