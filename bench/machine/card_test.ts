import { assert, assertEquals } from "@std/assert";
import type { CardState } from "../results/results.ts";
import { withPrograms } from "../testing/programs.ts";
import { cardId, CardWatch, readCard } from "./card.ts";

const windows = Deno.build.os === "windows";

/** An `nvidia-smi` that prints a line for each card where it is asked as this version of its driver is. */
const printing = (lines: string[], field = "clocks_event_reasons.active") =>
  `case "$1" in *,${field},name) ${lines.map((line) => `echo '${line}'`).join("; ")} ;; *) exit 2 ;; esac`;

/** What is read of the card "Imaginary 9000" where such a program answers. */
async function read(script: string): Promise<CardState | null> {
  let card: CardState | null = null;
  await withPrograms({ "nvidia-smi": script }, async () => void (card = await readCard("Imaginary 9000")));
  return card;
}

const state = (changes: Partial<CardState> = {}): CardState => ({
  ...{ clockMegahertz: 1755, maxClockMegahertz: 1980, watts: 312.5, celsius: 61, slowedBy: [] },
  ...changes,
});

Deno.test({
  name: "readCard() tells clock, power, temperature and what holds the clock back, of old drivers and new",
  ignore: windows,
  async fn() {
    const line = (reasons: string) => `1755, 1980, 312.50, 61, ${reasons}, Imaginary 9000`;
    const none = line("0x0000000000000000");
    assertEquals(await read(printing([none])), state());
    assertEquals(await read(printing([none], "clocks_throttle_reasons.active")), state());
    const both = printing([line("0x00000000000000A4")]);
    const slowedBy = ["software power cap", "software thermal slowdown", "hardware power brake"];
    assertEquals(await read(both), state({ slowedBy }));
    const untold = printing(["[N/A], 1980, [Not Supported], 61, [N/A], Imaginary 9000"]);
    assertEquals(await read(untold), state({ clockMegahertz: null, watts: null }));
  },
});

Deno.test({
  name:
    "readCard() tells the card of that name, and nothing where several have it, none, or the answer is none",
  ignore: windows,
  async fn() {
    const line = (name: string) => `1755, 1980, 312.50, 61, 0x0000000000000000, ${name}`;
    const [other, own] = [line("Imaginary 100"), line("Imaginary 9000")];
    assertEquals(await read(printing([other, own])), state());
    const answers = [
      ...[[own, own], [other], ["No devices were found"], ["1755, Imaginary 9000"]].map((lines) =>
        printing(lines)
      ),
      ...["exit 9", ":", "echo; echo"],
    ];
    for (const script of answers) assertEquals(await read(script), null, script);
  },
});

Deno.test({
  name: "readCard() does not wait for an nvidia-smi that hangs",
  ignore: windows,
  fn: async () => assertEquals(await read("sleep 60"), null),
});

/** Readings one after another, the last over and over; null ends them. */
function source(readings: (CardState | null)[]) {
  let asked = 0;
  const read = () => Promise.resolve(readings[Math.min(asked++, readings.length - 1)]);
  return { read, asked: () => asked };
}

Deno.test("CardWatch tells the lowest clock, the mean of power, the highest temperature and all that held the clock back", async () => {
  const { read, asked } = source([
    state({ slowedBy: ["idle"], watts: 100 }),
    state({ clockMegahertz: 1200, celsius: 70, watts: null }),
    state({ slowedBy: ["idle", "sync boost"], watts: 301 }),
    null,
  ]);
  const watch = new CardWatch(read, { everyMilliseconds: 1 });
  while (asked() < 4) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(
    await watch.stop(),
    state({ clockMegahertz: 1200, celsius: 70, watts: 200.5, slowedBy: ["idle", "sync boost"] }),
  );
});

Deno.test("CardWatch waits for its first reading alone, and asks no more once it is stopped", async () => {
  const { promise, resolve } = Promise.withResolvers<CardState>();
  const slow = new CardWatch(() => promise);
  assert(slow.isWaiting);
  const stopped = slow.stop();
  resolve(state());
  assertEquals(await stopped, state());
  assert(!slow.isWaiting);

  const { read, asked } = source([state()]);
  const watch = new CardWatch(read, { everyMilliseconds: 60_000 });
  await Promise.resolve();
  assertEquals(await watch.stop(), state());
  assertEquals(asked(), 1);
  assertEquals(await new CardWatch(() => Promise.resolve(null)).stop(), null);
});

Deno.test("CardWatch leaves out what it is told after it was stopped: the load may have ended", async () => {
  const idle = Promise.withResolvers<CardState>();
  let asked = 0;
  const watch = new CardWatch(() => asked++ === 0 ? Promise.resolve(state()) : idle.promise, {
    everyMilliseconds: 1,
  });
  while (asked < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  const stopped = watch.stop();
  idle.resolve(state({ clockMegahertz: 345 }));
  assertEquals(await stopped, state());
});

Deno.test({
  name: "cardId() is that of the first card of the name, and null where there is none or nobody tells",
  ignore: windows,
  async fn() {
    const script =
      'case "$1" in *=uuid,name) printf "GPU-1, Other\\nGPU-2, Imaginary 9000\\nGPU-3, Imaginary 9000\\n" ;; esac';
    await withPrograms({ "nvidia-smi": script }, async () => {
      assertEquals([await cardId("Imaginary 9000"), await cardId("None")], ["GPU-2", null]);
    });
    await withPrograms(
      { "nvidia-smi": "exit 9" },
      async () => assertEquals(await cardId("Imaginary 9000"), null),
    );
  },
});
