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

/**
 * The loss, in nats a token, that `validation` has under a bigram counted on `train`: the probability of a token given the one before it.
 * A pair that was counted seldom leans on the frequencies of single tokens, as if each token had been followed once more by any, in those
 * proportions (and every token had been seen once more); so no pair is impossible. `vocab` bounds the ids. Needs two tokens of `validation`.
 */
export function bigramLoss(train: TokenArray, validation: TokenArray, vocab: number): number {
  const single = new Float64Array(vocab).fill(1);
  const followed = new Float64Array(vocab); // how often a token has one after it
  for (const token of train) single[token]++;
  for (let i = 1; i < train.length; i++) followed[train[i - 1]]++;
  const pairs = new Map<number, number>(); // those that validation asks for
  const pair = (tokens: TokenArray, i: number) => tokens[i - 1] * vocab + tokens[i];
  for (let i = 1; i < validation.length; i++) pairs.set(pair(validation, i), 0);
  for (let i = 1; i < train.length; i++) {
    const known = pairs.get(pair(train, i));
    if (known !== undefined) pairs.set(pair(train, i), known + 1);
  }
  const all = train.length + vocab;
  let loss = 0;
  for (let i = 1; i < validation.length; i++) {
    const [before, token] = [validation[i - 1], validation[i]];
    loss -= Math.log((pairs.get(pair(validation, i))! + single[token] / all) / (followed[before] + 1));
  }
  return loss / (validation.length - 1);
}
