import { z } from "zod";
import { count, positive } from "./numbers.ts";

const baseline = z.object({
  rule: z.enum(["bigram", "linear", "classes"]).describe(
    "bigram: the token before, counted on the training text; linear: a linear rule on 8 × 8 means; classes: how often each occurs",
  ),
  loss: z.number().nonnegative().describe("nats per target of the held-out data"),
});

/** What is known of data without a network: a model that does no better has learnt nothing. */
export type Baseline = z.infer<typeof baseline>;

/** The schema of what was trained on. */
export const dataReport = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("text"),
    name: z.string(),
    digest: z.string(),
    trainTokens: count,
    validationTokens: count,
    unigramEntropy: z.number().describe(
      "nats per token of the validation text, by its own token frequencies",
    ),
    baseline: baseline.optional(),
  }),
  z.object({
    kind: z.literal("images"),
    name: z.string(),
    digest: z.string(),
    trainImages: count,
    heldOutImages: count,
    classes: positive,
    generated: z.boolean().describe("made by the built-in generator"),
    baseline: baseline.optional(),
  }),
]);

/** What was trained on. */
export type DataReport = z.infer<typeof dataReport>;
