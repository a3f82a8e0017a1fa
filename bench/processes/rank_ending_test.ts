import { assertEquals } from "@std/assert";
import { rankEnding } from "./rank_ending.ts";

/** What Hydra's mpirun prints of the process that it names, and what the ranks said before. */
const hydra = (code: number, end = "") =>
  `Rank 0 is process 41
Rank 1 is process 42
=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES
=   PID 41 RUNNING AT node7
=   EXIT CODE: ${code}
${end && `YOUR APPLICATION TERMINATED WITH THE EXIT STRING: ${end}`}`;

const bySignal =
  "A rank was ended by a signal, so the others were ended; mpirun names rank 0 (process 41 on node7): ";

const cases = [
  ["a killed rank", hydra(9, "Killed (signal 9)"), `${bySignal}Killed (signal 9)`],
  ["one that aborts in mid exchange", hydra(6, "Aborted (signal 6)"), `${bySignal}Aborted (signal 6)`],
  [
    "a rank that failed by itself",
    hydra(3),
    "Rank 0 (process 41 on node7) ended with exit code 3, so the others were ended",
  ],
  [
    "the rank that srun says was killed",
    `srun: error: node6: task 0: Aborted
srun: error: node7: task 1: Killed
srun: error: node7: task 2: Terminated`,
    "Rank 1 (on node7) was killed (SIGKILL), so the others were ended",
  ],
  ["none, where neither printed anything", "Rank 0 is process 41", undefined],
  ["none, where the process is no rank", "=   PID 43 RUNNING AT node7\n=   EXIT CODE: 1", undefined],
] as const;

for (const [name, output, expected] of cases) {
  Deno.test(`rankEnding() tells ${name}`, () => assertEquals(rankEnding(output), expected));
}
