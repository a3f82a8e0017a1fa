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

const gradientsTold = ({ card, shape, tensors, mst, mst8 }: ProvedGradients) =>
  `Gradients of ${shape}, on one ${card}: each of ${tensors} tensors lies under ${code("mst")} within ${
    small(mst)
  } of ${code("exact")}'s, and under ${code("mst8")} within ${
    small(mst8)
  } of a reference's that has the very values it stored.`;

const checkpointsTold = ({ card, losses, formats, difference }: ProvedCheckpoints) =>
  `Checkpoints written here have in ${
    code("transformers")
  } the loss they have here, and what it saves of them, in shards of ${
    list(formats)
  }, has here its loss there, on one ${card}: ${losses} losses, within ${small(difference)} nats.`;

const small = (difference: number) => difference.toExponential(1);
