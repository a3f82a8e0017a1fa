import type { DeviceLimits } from "../../src/gpu/limits.ts";
import { mlpPieceRows } from "../../src/nn/mini_sequences.ts";
import { headPieceRows } from "../../src/nn/tied_head.ts";
import type { ModelConfig } from "../../src/models/model_config.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import type { PieceSizes } from "../results/results.ts";
import type { Shape } from "./shapes.ts";

/** Tokens of a piece of the MLP and of the head, on an adapter of these limits; undefined for a policy that says nothing of pieces. */
export function pieceSizes(
  { model, sequence, batch }: Shape,
  { mini_sequences: said }: PolicyDocument,
  limits: DeviceLimits,
): PieceSizes | undefined {
  if (said.mlp === "whole" && said.head === "auto") return undefined;
  const tokens = batch * sequence;
  const head = headOf(model);
  return {
    mlp: Math.min(mlpPieceRows(said, batch, model.width) ?? tokens, tokens),
    head: head &&
      Math.min(headPieceRows(said, { limits }, { rows: tokens, cols: model.width }, head), tokens),
  };
}

/** Words of the language model's head; null where there is none, as in a Vision Transformer, whose head has one row an image. */
const headOf = (model: ModelConfig) => "vocab" in model ? model.vocab : null;
