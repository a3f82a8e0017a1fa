import { assertAlmostEquals, assertEquals } from "@std/assert";
import { fakeHeader, fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";
import { parseSweep } from "../results/read_results.ts";
import { quantities, sweepSource } from "./points.ts";

const MiB = 2 ** 20;
const of = (policy: string, seed: number, loss: number, [saved, live, buffers, step]: number[]) =>
  fakeRecord({ policy, seed, round: seed }, {
    memory: {
      ...fakeMeasurement().memory!,
      ...{
        savedBytes: saved * MiB,
        livePeakBytes: live * MiB,
        bufferBytes: buffers * MiB,
        driverBytes: 500 * MiB,
      },
    },
    timing: { ...fakeMeasurement().timing!, stepMilliseconds: [step] },
    quality: fakeQuality(loss),
  });

Deno.test("A cell's numbers on the page have the units that its columns name", () => {
  const records = [0, 1, 2].flatMap((seed) => [
    of("exact", seed, 2, [40, 90, 100, 10]),
    of("mesa8", seed, 2.02, [10, 55, 60, 12.5]),
  ]);
  const text = [fakeHeader(records), ...records].map((line) => JSON.stringify(line)).join("\n");
  const points = sweepSource("reports/fake", parseSweep(text)).cells.map(({ point }) => point);
  const { numbers } = points.find(({ policy }) => policy === "mesa8")!;
  const titled = (field: string) => quantities.find((one) => one.field === field)!.title;
  const expected: [field: string, title: string, value: number][] = [
    ["memoryShare", "buffers, of exact's", 0.6],
    ["savedShare", "saved activations, of exact's", 0.25],
    ["speed", "speed, of exact's", 0.8],
    ["buffers", "buffers, MiB", 60],
    ["peak", "live peak, MiB", 55],
    ["saved", "saved activations, MiB", 10],
    ["driver", "driver, MiB", 500],
    ["tokens", "tokens/s", 4 * 128 / 0.0125],
    ["step", "step, ms", 12.5],
    ["loss", "validation loss", 2.02],
    ["lossAtMost", "loss above exact's at most, %", 1],
  ];
  for (const [field, title, value] of expected) {
    assertEquals(titled(field), title);
    assertAlmostEquals(numbers[field], value, 1e-9 * value, field);
  }
});
