/** Small things that every template of WGSL is written with. */

/** 0 to n - 1. */
export const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Lines as one text. */
export const lines = (items: readonly string[]) => items.join("\n");
