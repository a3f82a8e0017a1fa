/** What a card's vendor states: f32 operations (outside tensor cores) and bytes of memory, per second. */
export interface Nominal {
  readonly flops: number;
  readonly bytes: number;
}

/** By what the adapter's name contains; from the vendors' datasheets. */
const cards: readonly (readonly [name: string, nominal: Nominal])[] = [
  ["H100 80GB HBM3", { flops: 67e12, bytes: 3.35e12 }],
  ["H200", { flops: 67e12, bytes: 4.8e12 }],
  ["A100-SXM4-80GB", { flops: 19.5e12, bytes: 2.039e12 }],
];

/** The nominal rates of an adapter of that name, where they are known. */
export function nominalOf(adapter: string): Nominal | undefined {
  return cards.find(([name]) => adapter.includes(name))?.[1];
}
