import { assertEquals } from "@std/assert";
import { modelConfig } from "../../src/models/model_config.ts";
import { describeData, describeModels, describePolicies, describeTraining } from "./describe_run.ts";
import { fakeImageRecord, fakeRecord } from "../results/testing.ts";

const both = [
  fakeRecord(),
  fakeImageRecord(),
  fakeRecord({ policy: "mesa8" }),
  fakeRecord({ model: "micro" }),
];

Deno.test("describeData() names each text and each set of images once", () => {
  assertEquals(describeData(both), [
    ["Text", "some text (cafe), 900 tokens to train on, 100 to validate"],
    ["Images", "shapes (beef), generated, 2000 to train on, 500 held out, 10 classes"],
  ]);
});

Deno.test("describeTraining() gives each recipe with its models", () => {
  assertEquals(describeTraining(both), [
    [
      "Training of nano, micro",
      "AdamW, learning rate 0.001, constant, weight decay 0.1, clipping at norm 1, no label smoothing",
    ],
    [
      "Training of vit-nano",
      "AdamW, learning rate 0.001, 3 steps of warm-up and a cosine down to 0.01 of it at step 30, weight decay 0.05, " +
      "clipping at norm 1, label smoothing 0.1",
    ],
  ]);
  assertEquals(describeTraining([fakeRecord()])[0][0], "Training");
  const timed = fakeRecord({ policy: "mesa8", qualitySteps: 0, learningRate: 0.5 });
  const trained = fakeRecord({ qualitySteps: 9 });
  assertEquals(describeTraining([timed, trained]), describeTraining([trained]), "timed alone");
  assertEquals(describeTraining([timed]).length, 1);
});

Deno.test("describePolicies() prints each document once", () => {
  const documents = describePolicies(both).split("\n\n").map((block) => JSON.parse(block.slice(8, -4)));
  assertEquals(documents, [both[0], both[2]].map((record) => record.configuration.storage));
});

Deno.test("describeModels() prints each document of a model once, and no preset", () => {
  assertEquals(describeModels(both), "");
  const modelDocument = { ...modelConfig("nano"), name: "long", positions: 4096 };
  const long = fakeRecord({ model: "long", modelDocument });
  const printed = describeModels([...both, long, long]);
  assertEquals(JSON.parse(printed.slice(8, -4)), modelDocument);
});
