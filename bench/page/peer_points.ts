import { fullNameOfRow, type PeerRow, readPeers } from "../report/peer_records.ts";
import { statusWords } from "../results/results.ts";
import { known, type Source } from "./points.ts";

/** PyTorch's rows, each a cell whose policy is its arithmetic and form; its peak stands where buffers do. */
export function peersSource(folder: string, text: string): Source {
  const { header, rows } = readPeers(text);
  const turns = text.trimEnd().split("\n").slice(1).map((line) => JSON.parse(line));
  const policyOf = (row: PeerRow) => `PyTorch: ${fullNameOfRow(row)}`;
  const cells = rows.map((row) => {
    const { model, batch, sequence, unit, speed, peakBytes, failure } = row;
    return {
      point: {
        ...{
          model,
          size: `${batch} × ${sequence}`,
          policy: policyOf(row),
          adapter: header.environment.adapter,
        },
        ...{
          report: folder,
          date: header.started.slice(0, 10),
          status: statusWords[failure?.status ?? "ok"],
        },
        numbers: known({
          buffers: peakBytes === null ? null : peakBytes / 2 ** 20,
          tokens: speed && speed.median * (unit === "images" ? sequence : 1),
          images: unit === "images" ? speed?.median : null,
          sequence,
        }),
      },
      records: turns.filter((turn) => isOf(turn, row)),
    };
  });
  return { cells, policies: new Map(rows.map((row) => [policyOf(row), null])) };
}

const fields = ["model", "batch", "sequence", "arithmetic", "form", "compiled", "optimizer"] as const;

const isOf = (turn: PeerRow, row: PeerRow) => fields.every((field) => turn[field] === row[field]);
