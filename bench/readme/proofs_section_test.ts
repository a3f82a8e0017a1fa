import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { provedCheckpoints, provedGradients } from "./proofs.ts";
import { proofsSection } from "./proofs_section.ts";
import { answersPage } from "./results_page.ts";

const gradientsPrinted = `card, Deno 2.9.6
llama3-8b, 2 layers, 1 × 8192
right  mst in pieces of 4096 rows of the MLP and 768 of the head against exact: 15 tensors, at most 9.30e-6 (norm.weight)
right  mst8 against exact, which must show: at most 1.16e-2
right  mst8 against the values that it stored: 15 tensors, at most 9.32e-7 (norm.weight)
`;

const checkpointsPrinted = `card, Deno 2.9.6
right  nano, written here: loss 5.701707 here, 1.5e-7 from that of transformers
right  nano, written by transformers in f32, 4 files: loss 5.701707 here, 4.0e-7 from that of transformers
right  nano, written by transformers in f16, 4 files: loss 5.701711 here, 2.5e-8 from that of transformers
Every loss is the same
`;

Deno.test("proofsSection() tells gradients and checkpoints that were proved, by what lies furthest away", () => {
  const reports = {
    sweeps: {},
    peers: {},
    gradients: provedGradients("reports/gradients.txt", gradientsPrinted),
    checkpoints: provedCheckpoints("reports/checkpoints.txt", checkpointsPrinted),
  };
  const [title, sentences, files] = proofsSection(reports)!.split("\n\n");
  assertEquals([title, files], [
    "### Beside references",
    "- [what was printed](reports/gradients.txt)\n- [what was printed](reports/checkpoints.txt)",
  ]);
  assertEquals(
    sentences,
    "Gradients of llama3-8b, 2 layers, 1 × 8192, on one card: each of 15 tensors lies under `mst` within 9.3e-6 of `exact`'s, and under `mst8` within 9.4e-7 " +
      "of a reference's that has the very values it stored, and 1.2e-2 of `exact`'s. Checkpoints of nano written here have in `transformers` the loss they have here, and what it " +
      "saves of them, in shards of f32 and f16, has here its loss there, on one card: 3 losses, within 4.0e-7 nats.",
  );
  assertEquals(answersPage(reports), "", "only the page of reports has it");
  assertEquals(proofsSection({ sweeps: {}, peers: {} }), null);
});

Deno.test("provedGradients() and provedCheckpoints() refuse what was wrong, or is not whole", () => {
  for (
    const [text, sentence] of [
      [
        gradientsPrinted.replace("right  mst8 against the", "WRONG  mst8 against the"),
        "has a finding that is wrong",
      ],
      [gradientsPrinted.replace(/^right {2}mst in.*$/m, ""), "does not tell mst's gradients"],
      [gradientsPrinted.replace(/^right {2}mst8 against the.*$/m, ""), "does not tell mst8's"],
      [gradientsPrinted.replace(/^llama3.*$/m, ""), "does not tell the model"],
    ]
  ) assertThrows(() => provedGradients("g.txt", text), UserError, sentence);
  for (
    const [text, sentence] of [
      [checkpointsPrinted.replace("right", "WRONG"), "has a finding that is wrong"],
      [checkpointsPrinted.replace("Every loss is the same\n", ""), "does not tell that it is whole"],
      ["card, Deno\nEvery loss is the same\n", "does not tell a checkpoint written here"],
    ]
  ) assertThrows(() => provedCheckpoints("c.txt", text), UserError, sentence);
});
