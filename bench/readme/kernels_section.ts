import { wholePercentage } from "../../src/text/format.ts";
import { fastestRate, type KernelTime, rate } from "../kernels/kernel_report.ts";
import { median } from "../statistics/statistics.ts";
import { nominalOf } from "../kernels/nominal.ts";
import { sources } from "./making.ts";
import type { Reports } from "./reports.ts";
import { list, range, table } from "../report/words.ts";

/** Kernels that stand for the others of a training step. */
const shown = [
  /^product /,
  /^copy$/,
  /^store in 8 bits, (running|by token), stochastic$/,
  /^LayerNorm /,
  /^GELU backward$/,
  /^AdamW$/,
];

/** "16×12×1024×64" of a variant of attention; undefined of any other kernel. */
const attentionOf = (name: string) => name.match(/^attention_\w+ (?:causal )?(.+)$/)?.[1];

/** How near the kernels come to what the card can do: by its vendor's rates, and by the fastest of the same run. */
export function kernelsSection({ kernels }: Reports): string | null {
  if (!kernels) return null;
  const { times, adapter } = kernels;
  const nominal = nominalOf(adapter);
  const limit = { arithmetic: nominal?.flops, memory: nominal?.bytes };
  const unit = { arithmetic: "TFLOP/s", memory: "TB/s" };
  const ofCard = (time: KernelTime) => {
    const card = limit[time.bound];
    return card ? wholePercentage(1e12 * rate(time) / card) : "–";
  };
  const told = (bound: KernelTime["bound"], what: string, ofWhat: string) => {
    const fastest = times.filter((time) => time.ceiling && time.bound === bound)
      .toSorted((a, b) => rate(b) - rate(a))[0];
    const card = limit[bound];
    const share = card
      ? `, ${ofCard(fastest)} of the card's nominal ${card / 1e12} ${unit[bound]} ${ofWhat}`
      : "";
    return `the ${what} reaches ${rate(fastest).toPrecision(3)} ${unit[bound]}${share}`;
  };
  const ofFastest = (time: KernelTime) => rate(time) / fastestRate(times, time.bound);
  const groups = [
    ...Map.groupBy(times.filter(({ name }) => name.includes(": ")), ({ name }) => name.split(": ")[0]),
  ];
  const products = groups.filter(([name]) => !attentionOf(name)).map(([model, of]) =>
    `${range(of.map(ofFastest), wholePercentage)} of it in ${model}`
  );
  const attention = Map.groupBy(
    groups.flatMap(([name, of]) => {
      const shape = attentionOf(name);
      return shape ? [{ shape, best: Math.max(...of.map(ofFastest)) }] : [];
    }),
    ({ shape }) => shape,
  );
  const attentions = [...attention].map(([shape, of]) =>
    `${range(of.map(({ best }) => best), wholePercentage)} at ${shape}`
  );
  const rows = times.filter(({ name }) => shown.some((pattern) => pattern.test(name))).map((time) => [
    time.name,
    median(time.milliseconds).toFixed(3),
    `${rate(time).toPrecision(3)} ${unit[time.bound]}`,
    wholePercentage(rate(time) / fastestRate(times, time.bound)),
    ofCard(time),
  ]);
  return [
    "### Kernels",
    `In one run, ${told("arithmetic", "fastest product", "in f32")}; ${told("memory", "copy", "of memory")}.${
      products.length ? ` The products of a step reach ${list(products)}.` : ""
    }${
      attentions.length
        ? ` Attention's kernels, each by its fastest variant, reach ${
          list(attentions)
        } (sequences × heads × tokens × width of a head).`
        : ""
    } A kernel that reads more than it writes can exceed the copy.`,
    table(["kernel", "ms", "rate", "of the run's fastest", "of the card's nominal"], rows),
    sources(kernels),
  ].join("\n\n");
}
