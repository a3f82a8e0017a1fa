import type { TokenArray } from "./token_files.ts";

/**
 * The entropy of the tokens' frequencies, in nats a token: the loss of the best model that ignores context. `vocab` bounds the ids.
 */
export function unigramEntropy(tokens: TokenArray, vocab: number): number {
  const counts = new Float64Array(vocab);
  for (const token of tokens) counts[token]++;
  let entropy = 0;
  for (const count of counts) {
    if (count > 0) entropy -= count / tokens.length * Math.log(count / tokens.length);
  }
  return entropy;
}
