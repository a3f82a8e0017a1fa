import { command, message, object, option } from "@optique/core";
import { runCell } from "../sweep/cell.ts";
import { protocol, receiveJob } from "../sweep/job.ts";

const options = object({
  protocol: option("--protocol", { description: message`Print the digest of what a job can say and end` }),
});

/** One cell in this process, as `bench` runs it in a child: told on the standard input, answered with one line of JSON. */
export const cell = command("cell", options, { hidden: true, brief: message`Run one cell` }).map(
  (o) => async () => {
    if (o.protocol) {
      console.log(protocol());
      return 0;
    }
    const { job, abandoned, turn } = await receiveJob(Deno.stdin.readable);
    abandoned.then(() => Deno.exit(1));
    console.log(JSON.stringify(await runCell(job, turn)));
    return 0;
  },
);
