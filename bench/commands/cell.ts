import { command, message, object } from "@optique/core";
import { runCell } from "../sweep/cell.ts";
import { receiveJob } from "../sweep/job.ts";

/** One cell in this process, as `bench` runs it in a child: told on the standard input, answered with one line of JSON. */
export const cell = command("cell", object({}), { hidden: true, brief: message`Run one cell` }).map(
  () => async () => {
    const { job, abandoned } = await receiveJob(Deno.stdin.readable);
    abandoned.then(() => Deno.exit(1));
    console.log(JSON.stringify(await runCell(job)));
    return 0;
  },
);
