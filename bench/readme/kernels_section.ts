import { wholePercentage } from "../../src/text/format.ts";
import { fastestRate, type KernelTime, rate } from "../kernels/kernel_report.ts";
import { median } from "../statistics/statistics.ts";
import { nominalOf } from "../kernels/nominal.ts";
import { sources } from "./making.ts";
import type { Reports } from "./reports.ts";
import { range, table } from "../report/words.ts";

/** Kernels that stand for the others of a training step. */
const shown = [
  /^product /,
  /^copy$/,
  /^store in 8 bits, (running|by token), stochastic$/,
  /^LayerNorm /,
  /^GELU backward$/,
  /^AdamW$/,
];

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
  const steps = [
    ...Map.groupBy(times.filter(({ name }) => name.includes(": ")), ({ name }) => name.split(": ")[0]),
  ];
  const products = steps.map(([model, of]) =>
    `of ${model}'s ${range(of.map((time) => rate(time) / fastestRate(times, time.bound)), wholePercentage)}`
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
      products.length ? ` The products of a step reach, of that fastest product, ${products.join(", ")}.` : ""
    } A kernel that reads more than it writes can exceed the copy.`,
    table(["kernel", "ms", "rate", "of the run's fastest", "of the card's nominal"], rows),
    sources(kernels),
  ].join("\n\n");
}
