import { UserError } from "../errors.ts";

/** Seeds are whole numbers from 0 to this. */
export const largestSeed = 2 ** 32 - 1;

/**
 * A seeded generator of random numbers: xoshiro128**, its state filled by splitmix32. The same seed gives the same numbers everywhere;
 * any two seeds start from different states. Not for secrets.
 *
 * Sources: D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators" (ACM TOMS 47, 2021; xoshiro128** 1.1);
 * G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), in 32 bits with MurmurHash3's finalizer.
 */
export class Random {
  readonly #state: Uint32Array;
  #spare: number | undefined;

  /** `seed` is a whole number from 0 to 2^32 − 1; anything else throws a `UserError`. */
  constructor(seed: number) {
    requireSeed(seed);
    // The four words differ from one another, so the state is never all zero.
    this.#state = Uint32Array.from({ length: 4 }, (_, i) => mix(seed + (i + 1) * 0x9e3779b9));
  }

  /** A stream of its own for each name: what one part of a program draws does not move another's numbers. */
  static for(seed: number, name: string): Random {
    requireSeed(seed);
    return new Random((mix(seed) ^ hash(name)) >>> 0);
  }

  /** A whole number from 0 to 2^32 − 1. */
  uint32(): number {
    return xoshiro128(this.#state);
  }

  /** A number in [0, 1), a multiple of 2^−32. */
  uniform(): number {
    return this.uint32() / 2 ** 32;
  }

  /** A whole number from 0 to `bound` − 1, each equally likely; `bound` is at most 2^32. */
  below(bound: number): number {
    const fair = 2 ** 32 - (2 ** 32 % bound);
    let value = this.uint32();
    while (value >= fair) value = this.uint32();
    return value % bound;
  }

  /** A normally distributed number of mean 0 and variance 1. Source: G. Box and M. Muller (1958); two numbers at a time. */
  normal(): number {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) return spare;
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

/** One step of xoshiro128** over its four words of state. */
export function xoshiro128(state: Uint32Array): number {
  const result = Math.imul(rotateLeft(Math.imul(state[1], 5), 7), 9) >>> 0;
  const shifted = state[1] << 9;
  state[2] ^= state[0];
  state[3] ^= state[1];
  state[1] ^= state[2];
  state[0] ^= state[3];
  state[2] ^= shifted;
  state[3] = rotateLeft(state[3], 11);
  return result;
}

function requireSeed(seed: number): void {
  if (Number.isInteger(seed) && seed >= 0 && seed <= largestSeed) return;
  throw new UserError(`The seed is ${seed}; give a whole number from 0 to ${largestSeed}`);
}

function rotateLeft(value: number, count: number): number {
  return (value << count) | (value >>> (32 - count));
}

/** MurmurHash3's 32-bit finalizer (A. Appleby): one-to-one, and every input bit moves every output bit. */
function mix(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** FNV-1a in 32 bits (G. Fowler, L. Noll, K.-P. Vo) over the text's UTF-8 bytes. */
export function hash(text: string): number {
  return new TextEncoder().encode(text).reduce(
    (sum, byte) => Math.imul(sum ^ byte, 0x01000193) >>> 0,
    0x811c9dc5,
  );
}
