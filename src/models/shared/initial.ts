import { Random } from "../../data/random.ts";

/** What the elements of a parameter begin with: all the same value, or normal numbers of mean 0. */
export type Initial = number | { readonly deviation: number };

/** The stream of normal numbers that a parameter draws from: one of its own, so sizes elsewhere do not change what it begins with. */
export const streamOf = (parameter: string, seed: number): number => Random.for(seed, parameter).uint32();
