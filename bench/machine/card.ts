import { programOutput } from "../../src/io/program_output.ts";
import type { CardState } from "../results/results.ts";
import { mean } from "../statistics/statistics.ts";

const fields = ["clocks.sm", "clocks.max.sm", "power.draw", "temperature.gpu"];

/** What holds a clock back: a field of that many bits, by its present name and by that which drivers before 535 know. */
const reasonFields = ["clocks_event_reasons.active", "clocks_throttle_reasons.active"];

/** NVML's reasons by their bits. */
const reasons: [bit: number, name: string][] = [
  [0x001, "idle"],
  [0x002, "applications' clocks"],
  [0x004, "software power cap"],
  [0x008, "hardware slowdown"],
  [0x010, "sync boost"],
  [0x020, "software thermal slowdown"],
  [0x040, "hardware thermal slowdown"],
  [0x080, "hardware power brake"],
  [0x100, "display's clock"],
];

/**
 * The state of the only card of that name, as the NVIDIA driver tells it now; null where it cannot be asked, or lists several of that name,
 * of which nobody knows which computes.
 */
export async function readCard(name: string): Promise<CardState | null> {
  for (const reason of reasonFields) {
    const query = [`--query-gpu=${[...fields, reason, "name"].join(",")}`, "--format=csv,noheader,nounits"];
    const output = await programOutput("nvidia-smi", query);
    if (output.text !== null) return cardOf(name, output.text);
    if (output.why !== "failed") return null;
  }
  return null;
}

/** What the NVIDIA driver calls the first card of that name that it lists to this process, which Vulkan takes; null where it cannot be asked. */
export async function cardId(name: string): Promise<string | null> {
  const { text } = await programOutput("nvidia-smi", ["--query-gpu=uuid,name", "--format=csv,noheader"]);
  const cards = (text ?? "").split("\n").map((line) => line.trim().split(", "));
  return cards.find(([, ...words]) => words.join(", ") === name)?.[0] ?? null;
}

/** The card of that name in what `nvidia-smi` prints, a card a line. */
function cardOf(name: string, text: string): CardState | null {
  const values = fields.length + 1;
  const cards = text.split("\n").map((line) => line.split(",").map((value) => value.trim()));
  const [found, ...others] = cards.filter((card) => card.slice(values).join(", ") === name);
  if (!found || others.length > 0) return null;
  const [clockMegahertz, maxClockMegahertz, watts, celsius, reasonBits] = found.slice(0, values).map(
    measured,
  );
  const bits = reasonBits ?? 0;
  const slowedBy = reasons.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
  return { clockMegahertz, maxClockMegahertz, watts, celsius, slowedBy };
}

/** A number, which may be hexadecimal; null for what is none, such as "[N/A]". */
const measured = (text: string): number | null =>
  text === "" || Number.isNaN(Number(text)) ? null : Number(text);

/** Readings of one card as one: the worst of clocks and temperatures, the mean of power. */
function together(readings: readonly [CardState, ...CardState[]]): CardState {
  const values = (field: "clockMegahertz" | "watts" | "celsius") =>
    readings.flatMap((one) => one[field] ?? []);
  const of = (values: number[], take: (values: number[]) => number) => values.length ? take(values) : null;
  return {
    clockMegahertz: of(values("clockMegahertz"), (all) => Math.min(...all)),
    maxClockMegahertz: readings[0].maxClockMegahertz,
    watts: of(values("watts"), mean),
    celsius: of(values("celsius"), (all) => Math.max(...all)),
    slowedBy: [...new Set(readings.flatMap(({ slowedBy }) => slowedBy))],
  };
}

/** Reads a card, at once or after a while, and then every so often, until it is told to stop. */
export class CardWatch {
  readonly #readings: CardState[] = [];
  readonly #stop = Promise.withResolvers<void>();
  readonly #loop: Promise<void>;
  #stopped = false;
  #ended = false;

  constructor(
    read: () => Promise<CardState | null>,
    { everyMilliseconds = 1000, afterMilliseconds = 0 } = {},
  ) {
    this.#loop = this.#watch(read, everyMilliseconds, afterMilliseconds).finally(() => this.#ended = true);
  }

  /** Whether the first answer has not come yet: a card that is to be read under load must be kept busy. */
  get isWaiting(): boolean {
    return !this.#ended && this.#readings.length === 0;
  }

  /** Ends the watch. Returns what was read; null if nothing could be. */
  async stop(): Promise<CardState | null> {
    this.#stopped = true;
    this.#stop.resolve();
    await this.#loop;
    const [first, ...others] = this.#readings;
    return first ? together([first, ...others]) : null;
  }

  async #watch(read: () => Promise<CardState | null>, every: number, after: number): Promise<void> {
    if (after > 0) await new Promise((resolve) => setTimeout(resolve, after));
    while (!this.#stopped || this.#readings.length === 0) {
      const reading = await read();
      if (reading === null) return;
      if (this.#stopped && this.#readings.length > 0) return; // the load may have ended before this one
      this.#readings.push(reading);
      let timer: ReturnType<typeof setTimeout> | undefined;
      const pause = new Promise<void>((resolve) => timer = setTimeout(resolve, every));
      await Promise.race([pause, this.#stop.promise]);
      clearTimeout(timer);
    }
  }
}
