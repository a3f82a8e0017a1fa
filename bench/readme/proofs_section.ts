import { exponentialAtMost } from "../../src/text/format.ts";
import { code, list } from "../report/words.ts";
import type { ProvedCheckpoints, ProvedGradients } from "./proofs.ts";
import type { Reports } from "./reports.ts";

/** What was compared with something else than a report has: large gradients, and checkpoints in `transformers`. */
export function proofsSection({ gradients, checkpoints }: Reports): string | null {
  const told = [gradients && gradientsTold(gradients), checkpoints && checkpointsTold(checkpoints)]
    .filter((sentence) => sentence !== undefined);
  if (told.length === 0) return null;
  const files = [gradients, checkpoints].flatMap((proof) =>
    proof ? `- [what was printed](${proof.file})` : []
  );
  return ["### Beside references", told.join(" "), files.join("\n")].join("\n\n");
}

const gradientsTold = ({ card, shape, tensors, mst, mst8, stored }: ProvedGradients) =>
  `Gradients of ${shape}, on one ${card}: each of ${tensors} tensors lies under ${code("mst")} within ${
    small(mst)
  } of ${code("exact")}'s, and under ${code("mst8")} within ${
    small(mst8)
  } of a reference's that has the very values it stored, and ${small(stored)} of ${code("exact")}'s.`;

const checkpointsTold = ({ card, losses, models, formats, difference }: ProvedCheckpoints) =>
  `Checkpoints of ${list(models)} written here have in ${
    code("transformers")
  } the loss they have here, and what it saves of them, in shards of ${
    list(formats)
  }, has here its loss there, on one ${card}: ${losses} losses, within ${small(difference)} nats.`;

const small = exponentialAtMost;
