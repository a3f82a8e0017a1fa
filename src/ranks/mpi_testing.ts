/** What a rank of the tests of MPI does: prints what it received. With the word `abort`, rank 1 ends all. */
import { openMpi } from "./mpi.ts";
import { anyOf, gathered, toldBy } from "./ranks.ts";

const ranks = openMpi();
const { rank, size } = ranks;

if (Deno.args[0] === "abort") {
  if (rank === 1) ranks.abort();
  ranks.sum(new Float32Array(1), new Float32Array(1)); // for ever
}

// Rank r sends rank s r + s + 1 numbers, each 100 r + s.
const counts = Array.from({ length: size }, (_, other) => rank + other + 1);
const sent = Float32Array.from(counts.flatMap((count, other) => Array(count).fill(100 * rank + other)));
const received = new Float32Array(sent.length);
ranks.allToAll(sent, counts, received, counts);

// Each rank tells its number twice to all others.
const others = new Float32Array(2 * (size - 1));
ranks.gather(Float32Array.of(rank, rank), others);

const total = new Float32Array(3);
ranks.sum(Float32Array.of(rank, 1, 2 ** rank), total);
const bytes = gathered(ranks, new Uint8Array(rank).fill(255 - rank)).map((each) => [...each]);
const told = toldBy(ranks, `rank ${rank}`);
const any = [0, size].map((which) => anyOf(ranks, rank === which));
console.log(JSON.stringify({
  ...{ rank, size, received: [...received], others: [...others], total: [...total] },
  ...{ bytes, told, any },
}));
ranks.close();
