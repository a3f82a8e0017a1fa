import { command, message, object } from "@optique/core";
import { UserError } from "../../src/errors.ts";
import { answerRequest } from "../sweep/trials.ts";

/** A look at the adapter, or steps tried on it, in this process, as `fit` asks for them: by a line on standard input, which ends with its asker. */
export const attempt = command("attempt", object({}), { hidden: true, brief: message`Try a step` }).map(
  () => async () => {
    const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await lines.read();
      if (done) throw new UserError("The input ends before a request does; try steps by `fit --prove`");
      text += value;
    }
    (async () => {
      while (!(await lines.read()).done);
      Deno.exit(1); // nobody waits for the answer
    })();
    await answerRequest(text.split("\n")[0]);
    return 0;
  },
);
