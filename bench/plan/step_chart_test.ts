import { assert, assertEquals, assertFalse, assertNotEquals, assertStringIncludes } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { type ModelConfig, modelConfig } from "../../src/models/model_config.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { categoryColors } from "../report/memory_chart.ts";
import { liveStep, peakInWords } from "./live_step.ts";
import { drawSteps } from "./step_chart.ts";

const drawn = (policy: string, step: { model?: ModelConfig; sequence?: number } = {}) => {
  const options = { model: modelConfig("micro"), sequence: 64, batch: 2, policy, seed: 0, ...step };
  const description = describeStep(options, gpuWith(typicalGpuLimits));
  const { bufferBytes } = description.plan;
  return { model: "micro", policy, subtitle: "2 × 64 tokens", step: liveStep(description), bufferBytes };
};

/** The small texts of a picture that are so, from left to right. */
const placed = (svg: string, pattern: string) =>
  [...svg.matchAll(
    new RegExp(`translate\\(([\\d.-]+),[\\d.]+\\)"[^>]*font-size="9px"[^>]*>(${pattern})<`, "g"),
  )]
    .map(([, at, name]) => ({ at: Number(at), name })).toSorted((a, b) => a.at - b.at);

Deno.test("drawSteps() names sections, blocks, the peak and the buffers, in the colours of every chart", async () => {
  const one = drawn("mesa8");
  const svg = await drawSteps([one], "a card");
  const words = [
    "<svg",
    ">forward<",
    ">backward<",
    ">3<",
    ">MiB<",
    ">micro, mesa8<",
    ">2 × 64 tokens<",
    "on a card",
  ];
  for (const word of [...words, peakInWords(one.step), ">buffers "]) assertStringIncludes(svg, word);
  for (const category of ["parameters", "optimizer", "saved", "transient"] as const) {
    assertStringIncludes(svg, categoryColors[category]);
    assertStringIncludes(svg, `>${category}<`);
  }
  assertFalse(svg.includes(">block inputs<"));
});

Deno.test("drawSteps() draws several steps one below the other, and the same bytes again", async () => {
  const steps = ["exact", "mst8"].map((policy) => drawn(policy));
  const svg = await drawSteps(steps, "a card");
  assert(svg.indexOf(">micro, exact<") < svg.indexOf(">micro, mst8<"));
  for (const { step } of steps) assertStringIncludes(svg, peakInWords(step));
  assertStringIncludes(svg, ">block inputs<");
  assertEquals(await drawSteps(["exact", "mst8"].map((policy) => drawn(policy)), "a card"), svg);
});

Deno.test("drawSteps() draws steps of one model on one scale, and those of another on its own", async () => {
  const [one, other] = [drawn("exact"), { ...drawn("mst8"), bufferBytes: 2 ** 40 }];
  const alone = await drawSteps([one], "a card");
  const axis = (svg: string) => svg.match(/Y-axis titled[^"]*scale with values from [^"]*/)?.[0];
  assertEquals(axis(await drawSteps([one, { ...other, model: "another" }], "a card")), axis(alone));
  assertNotEquals(axis(await drawSteps([one, other], "a card")), axis(alone));
});

Deno.test("drawSteps() lays no section's name over another", async () => {
  const svg = await drawSteps([drawn("exact", { model: modelConfig("vit-nano"), sequence: 65 })], "a card");
  const named = placed(svg, "forward|head|backward|update");
  assertEquals(named.map(({ name }) => name), ["forward", "head", "backward", "update"]);
  for (const [i, { at, name }] of named.slice(1).entries()) {
    const before = named[i];
    assert(at - before.at >= 2.5 * (name.length + before.name.length), `${before.name} and ${name}`);
  }
});

Deno.test("drawSteps() lays no block's number over the name of its line", async () => {
  const deep = { ...modelConfig("nano"), layers: 256 };
  const numbers = placed(await drawSteps([drawn("exact", { model: deep })], "a card"), "\\d+");
  assert(numbers.length > 20);
  for (const { at, name } of numbers) assert(at >= 2.5 * name.length, `${name} at ${at}`);
});

Deno.test("drawSteps() breaks a long line of choices, which widens no picture", async () => {
  const one = drawn("exact");
  const parts = Array.from({ length: 12 }, (_, i) => `a choice of its own ${i}`);
  const [short, long] = await Promise.all(
    [one.subtitle, parts.join("; ")].map((subtitle) => drawSteps([{ ...one, subtitle }], "a card")),
  );
  const widthOf = (svg: string) => svg.match(/width="(\d+)"/)![1];
  assertEquals(widthOf(long), widthOf(short));
  for (const part of parts) assertStringIncludes(long, part);
});
