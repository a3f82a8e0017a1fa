/** What a rank of the tests of MPI does: prints what it received. With the word `abort`, rank 1 ends all. */
import { openMpi } from "./mpi.ts";
import { gathered } from "./ranks.ts";

const ranks = openMpi();
const { rank, size } = ranks;

if (Deno.args[0] === "abort") {
  if (rank === 1) ranks.abort();
  ranks.barrier(); // for ever
}

// Rank r sends rank s r + s + 1 numbers, each 100 r + s.
const counts = Array.from({ length: size }, (_, other) => rank + other + 1);
const sent = Float32Array.from(counts.flatMap((count, other) => Array(count).fill(100 * rank + other)));
const received = new Float32Array(sent.length);
ranks.allToAll(sent, counts, received, counts);

const total = new Float32Array(3);
ranks.sum(Float32Array.of(rank, 1, 2 ** rank), total);
const large = gathered(ranks, [rank + 0.5, 2 ** 40 + rank]);
ranks.barrier();
console.log(JSON.stringify({ rank, size, received: [...received], total: [...total], large }));
ranks.close();
