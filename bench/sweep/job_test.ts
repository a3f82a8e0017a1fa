import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { fakeConfiguration } from "../results/testing.ts";
import { type Job, receiveJob, sendJob } from "./job.ts";

/** Both ends of a pipe that delivers so many bytes at a time. */
function pipe(size: number) {
  const cut = new TransformStream<Uint8Array, Uint8Array>(
    {
      transform(bytes, controller) {
        for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.slice(i, i + size));
      },
    },
    { highWaterMark: Infinity },
    { highWaterMark: Infinity },
  );
  return { stdin: cut.writable, stdout: cut.readable };
}

const job: Job = { configuration: fakeConfiguration(), paths: { images: "folder" }, requireGpu: true };

Deno.test("receiveJob() gives what sendJob() told, in whatever pieces it comes, and when the other is gone", async () => {
  const texts = [undefined, new Uint8Array(), Uint8Array.of(10, 0, 255, 10)];
  for (const text of texts) {
    for (const size of [1, 100_000]) {
      const { stdin, stdout } = pipe(size);
      await sendJob(stdin, { ...job, text });
      const received = await receiveJob(stdout);
      assertEquals(received.job, { ...job, text });
      let gone = false;
      received.abandoned.then(() => gone = true);
      await new Promise((resolve) => setTimeout(resolve));
      assertEquals(gone, false);
      await stdin.close();
      await received.abandoned;
    }
  }
});

Deno.test("receiveJob() refuses an input that ends too early", async () => {
  for (const cut of [0, 10, JSON.stringify(job).length + 20]) {
    const { stdin, stdout } = pipe(1);
    const line = JSON.stringify({ ...job, textBytes: 9 }) + "\nfour";
    const writer = stdin.getWriter();
    writer.write(new TextEncoder().encode(line.slice(0, cut)));
    writer.close();
    await assertRejects(() => receiveJob(stdout), UserError, "The input ends before the job does");
  }
});
