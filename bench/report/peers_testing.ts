import type { PeerTurn } from "./peer_records.ts";

/** A peers' header of a card. */
export const peersHeader = {
  schema: 3,
  kind: "peers",
  command: "python3 bench/peers/torch_gpt2.py --model small",
  started: "2026-11-25T01:02:03Z",
  environment: {
    adapter: "NVIDIA H100",
    adapterClass: "gpu",
    driver: "580.1",
    torch: "2.11.0",
    cuda: "13.0",
    python: "3.12.1",
    os: "linux 6 x86_64",
    cpu: "Xeon",
    commit: "0123456789abcdef",
    dirty: false,
  },
};

/** A round of a peers' row: two steps of 100 tokens in 10 ms each, unless told otherwise. */
export function peerTurn(fields: Partial<PeerTurn> = {}): PeerTurn {
  return {
    model: "small",
    batch: 4,
    sequence: 25,
    unit: "tokens",
    arithmetic: "f32",
    form: "plain",
    compiled: false,
    optimizer: "fused AdamW",
    round: 0,
    steps: 2,
    wallMilliseconds: 20,
    gpuMilliseconds: [10, 10],
    peakBytes: 2 ** 30,
    compileSeconds: null,
    firstLoss: 10,
    loss: 9,
    status: "ok",
    message: null,
    ...fields,
  };
}

/** A round that ran out of memory. */
export const outOfMemory = {
  steps: 0,
  wallMilliseconds: null,
  gpuMilliseconds: null,
  peakBytes: null,
  firstLoss: null,
  loss: null,
  status: "oom",
  message: "CUDA out of memory | tried 2 GiB",
} as const;

/** A peers' file. */
export function peersText(turns: PeerTurn[], header: object = peersHeader): string {
  return [header, ...turns].map((line) => JSON.stringify(line) + "\n").join("");
}
