import { assertEquals } from "@std/assert";
import { noBytes } from "../../src/memory/category.ts";
import { modelConfig, parameterCount } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import type { StepChoices } from "../../src/train/step_choices.ts";
import { fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { compare } from "./cell_rounds.ts";
import { statesTable } from "./states_table.ts";

/** A cell that keeps so many bytes a parameter of weights, moments and, at the peak, gradients. */
function keeping(
  policy: string,
  choices: StepChoices,
  [parameters, optimizer, gradients]: readonly number[],
) {
  const storage = { ...policyDocument("exact"), name: policy };
  const { memory } = fakeMeasurement();
  const { name: _, ...architecture } = modelConfig("nano");
  const count = parameterCount(modelConfig("nano"));
  const liveAtPeak = {
    ...noBytes(),
    parameters: parameters * count,
    optimizer: optimizer * count,
    gradients: gradients * count,
  };
  const record = fakeRecord({ policy, storage, ...choices, beside: {} }, {
    memory: { ...memory!, liveAtPeak },
  });
  return { ...record, architecture };
}

const rows = (records: Parameters<typeof compare>[0]) =>
  statesTable(compare(records))?.split("\n").slice(2).map((line) =>
    line.split("|").map((text) => text.trim()).filter((text) => text !== "")
  );

Deno.test("statesTable() tells weights, moments and gradients, in all and a parameter, beside exact's in f32", () => {
  const all = { parameters: "bf16", moments: "8bit", update: "backward", clipBy: "last" } as const;
  const records = [
    keeping("exact", {}, [4, 8, 4]),
    keeping("mesa8", {}, [4, 8, 4]),
    keeping("in fewer bytes", all, [2, 2, 1]),
  ];
  const [header] = statesTable(compare(records))!.split("\n");
  assertEquals(header.match(/[a-z8 ]*[a-z8]/g)?.map((text) => text.trim()), [
    "model",
    "tokens",
    "exact",
    "in fewer bytes",
  ]);
  assertEquals(rows(records), [
    ["nano", "4 × 128", "weights", "2.14 MiB", "1.07 MiB (0.50×)"],
    ["moments", "4.28 MiB", "1.07 MiB (0.25×)"],
    ["gradients at the peak", "2.14 MiB", "548 KiB"],
    ["weights and moments, a parameter", "12.00 B", "4.00 B (0.33×)"],
    ["with gradients, a parameter", "16.00 B", "5.00 B (0.31×)"],
  ]);
});

Deno.test("statesTable() is null where all cells keep them alike", () => {
  assertEquals(
    rows([keeping("exact", {}, [4, 8, 4]), keeping("mesa8", { arithmetic: "f16" }, [4, 8, 4])]),
    undefined,
  );
});

Deno.test("statesTable() tells of cells that differ from exact in one of weights and moments alone", () => {
  const differing = [{ parameters: "bf16" }, { moments: "8bit" }] as const;
  for (const choices of differing) {
    const records = [keeping("exact", {}, [4, 8, 4]), keeping("in fewer bytes", choices, [4, 8, 4])];
    assertEquals(rows(records)?.length, 5, JSON.stringify(choices));
  }
});

Deno.test("statesTable() tells gradients where a cell differs in when they are used up alone", () => {
  const records = [
    keeping("exact", {}, [4, 8, 4]),
    keeping("in backward", { update: "backward", clipBy: "last" }, [4, 8, 1]),
  ];
  assertEquals(rows(records)?.[2], ["gradients at the peak", "2.14 MiB", "548 KiB"]);
});
