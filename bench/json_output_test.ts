import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { join } from "node:path";
import type { z } from "zod";
import { gpuTest, noMatrices, testGpu } from "../kernels/testing/testing.ts";
import { softwareWith } from "../src/gpu/builder.ts";
import { typicalSoftwareLimits } from "../src/gpu/limits.ts";
import { modelConfig } from "../src/models/model_config.ts";
import { describeStep } from "../src/train/plan_training.ts";
import { outputs } from "./commands/schema.ts";
import { describeFits } from "./report/fit_tables.ts";
import { parseSweep } from "./results/read_results.ts";
import { keyOf } from "./results/results.ts";
import { cellsToRun } from "./sweep/shards.ts";
import { plannedFor } from "./sweep/planned_adapters.ts";
import { withFolder } from "./testing/folder.ts";
import { wereAlone } from "./testing/were_alone.ts";

const root = join(import.meta.dirname!, "..");

/** What a command with --json prints, by its schema: on standard output there is nothing else, and no error among the rest. */
async function output<Name extends keyof typeof outputs>(
  name: Name,
  words = "",
  codes = [0],
): Promise<z.output<typeof outputs[Name]>> {
  const end = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "bench/main.ts", name, ...words.split(" ").filter(Boolean), "--json"],
    cwd: root,
    stdin: "null",
  }).output();
  const [stdout, stderr] = [end.stdout, end.stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(codes.includes(end.code), stderr);
  const json = JSON.parse(stdout);
  const parsed = outputs[name].parse(json);
  assertEquals(parsed, json, "the schema leaves something out");
  return parsed as z.output<typeof outputs[Name]>;
}

Deno.test("plan --json and kernels --json print what their schemas say", async () => {
  const [plan] = await output("plan", "--model nano --policy mesa8");
  assertEquals([plan.model, plan.policy, plan.batch], ["nano", "mesa8", 4]);
  const { tensors, live, lower, peak } = plan.detail!;
  assertEquals(
    Object.values(live.find(({ at }) => at === peak.at)!.bytes).reduce((a, b) => a + b, 0),
    plan.livePeakBytes,
  );
  assert(tensors[0].bytes >= tensors[1].bytes && lower.choices[0].livePeakBytes < plan.livePeakBytes);
  const several = await output("plan", "--model nano --policy mesa8,exact");
  assertEquals(several.map(({ policy, detail }) => [policy, detail]), [["mesa8", undefined], [
    "exact",
    undefined,
  ]]);
  const kernels = await output("kernels", "--model nano");
  const products = await output("kernels", "--model nano --print matmul_nn");
  assert(products.length > 0 && products.length < kernels.length);
  assert(products.every(({ name, code }) => name.startsWith("matmul_nn") && code.includes("fn main")));
});

Deno.test("fit --json prints what its schema says, and a document of the model that fits", async () => {
  const [short, wide] = await output("fit", "--model small --batch 1 --memory 2GiB,8GiB --policy exact");
  assertEquals([short.model, short.policy, short.largest, short.batch], ["small", "exact", "sequence", 1]);
  assert(short.modelDocument === undefined && short.sequence! <= 1024 && short.bufferBytes! <= 2 ** 31);
  const { modelDocument } = wide;
  assert(modelDocument?.modelType === "gpt2" && modelDocument.positions === wide.sequence);
  assert(wide.next.size === wide.sequence! + 1 && wide.next.wantedBytes! > 2 ** 33);
});

Deno.test("fit --ranks of several numbers tells each beside the others, by plan", async () => {
  const rows = await output("fit", "--model nano --policy exact --batch 1 --memory 40MiB --ranks 1,2,4");
  assertEquals(rows.map(({ ranks, batch }) => [ranks, batch]), [[undefined, 1], [2, 1], [4, 1]]);
  const [one, two, four] = rows.map(({ sequence }) => sequence!);
  assert(one < two && two < four, `${[one, two, four]}`);
  const [opening, note, ...rest] = describeFits(rows, softwareWith(typicalSoftwareLimits), "it").split(
    "\n\n",
  );
  assert(opening.endsWith("; ranks share every sequence") && note.includes("is by plan"), opening + note);
  const places = rest.at(-1)!.split("\n").slice(2).map((line) => line.match(/batch 1[^|]*/)![0].trim());
  assertEquals(places, ["batch 1", "batch 1 on 2 ranks", "batch 1 on 4 ranks"]);
});

Deno.test("fit --sharding finds longer sequences where ranks are several, and says so", async () => {
  const words = "--model nano --policy exact --batch 1 --memory 40MiB --ranks 1,4 --sharding";
  const [all, parted] = [await output("fit", `${words} none`), await output("fit", `${words} moments`)];
  assertEquals(parted.map(({ sharding }) => sharding), [undefined, "moments"]);
  assertEquals(parted[0], all[0]);
  assert(parted[1].sequence! > all[1].sequence!);
  const [opening] = describeFits(parted, softwareWith(typicalSoftwareLimits), "it").split("\n\n");
  assert(opening.endsWith("; ranks share every sequence, Adam's moments sharded between them"), opening);
});

Deno.test("fit --arithmetic plans under Dawn by ranks and their parts of the moments, and says so", async () => {
  const words = "--model llama-nano --policy mst8 --batch 1 --memory 40MiB --ranks 1,2 --sharding moments";
  const rows = await output("fit", `${words} --runtime dawn --arithmetic f16`);
  assertEquals(rows.map(({ arithmetic, ranks, sharding }) => [arithmetic, ranks, sharding]), [
    ["f16", undefined, undefined],
    ["f16", 2, "moments"],
  ]);
  for (const { sequence, bufferBytes, arithmetic, ranks, sharding } of rows) {
    const step = { model: modelConfig("llama-nano"), batch: 1, policy: "mst8", seed: 0 };
    const model = { ...step.model, positions: sequence! };
    const { builder } = plannedFor({ runtime: "dawn" });
    const choices = { arithmetic, ranks, sharding };
    const { plan } = describeStep({ ...step, model, sequence: sequence!, ...choices }, builder);
    assertEquals(plan.bufferBytes, bufferBytes);
  }
  const [opening] = describeFits(rows, softwareWith(typicalSoftwareLimits), "it").split("\n\n");
  assert(opening.includes("; products in f16, ranks share every sequence, Adam's moments"), opening);
});

gpuTest("fit --prove trains its answers on the adapter at hand, and not the next sizes", async () => {
  const rows = await output("fit", "--model nano,vit-nano --memory 12MiB --policy exact,mst8 --prove");
  assertEquals(rows.map(({ model, policy }) => [model, policy]), [
    ...["exact", "mst8"].map((policy) => ["nano", policy]),
    ...["exact", "mst8"].map((policy) => ["vit-nano", policy]),
  ]);
  for (const { proof, bufferBytes, batch } of rows) {
    assert(batch! >= 1 && proof?.proved && proof.refused?.by === "plan");
    assertEquals(proof.trained?.bufferBytes, bufferBytes);
  }
});

gpuTest(
  "fit --prove trains its answers in f16",
  async () => {
    const words = "--model nano --policy mesa8 --batch 1 --memory 12MiB --prove --arithmetic";
    const [[exact], [halves]] = [await output("fit", `${words} f32`), await output("fit", `${words} f16`)];
    assertEquals([exact.arithmetic, halves.arithmetic], [undefined, "f16"]);
    for (const { proof, bufferBytes } of [exact, halves]) {
      assert(proof?.proved);
      assertEquals(proof.trained?.bufferBytes, bufferBytes);
    }
    assertNotEquals(halves.proof?.trained?.losses, exact.proof?.trained?.losses);
  },
  await noMatrices(),
);

Deno.test("report --json prints what its schema says, of times, of PyTorch's rows and of sweeps without a header, too", async () => {
  const folders = [
    "2026-11-29-nvidia-h200/precision",
    "2026-11-24-nvidia-h100-recompute/vit-micro",
    "2026-11-30-nvidia-h200/kernels",
    "2026-11-30-nvidia-h200/peers-deit",
  ];
  const [text, older, times, peers] = await output(
    "report",
    folders.map((name) => `reports/${name}`).join(" "),
  );
  assert(text.kind === "sweep" && older.kind === "sweep" && times.kind === "kernels");
  assertEquals([text.missing, older.missing, older.command], [0, null, null]);
  assert(text.command!.startsWith("deno task bench ") && text.cells.length > older.cells.length);
  assert(times.times.length > 20);
  assert(peers.kind === "peers" && peers.command.startsWith("python3 bench/peers/timm_deit.py"));
  const plain = peers.rows.find(({ model, arithmetic, form, compiled, optimizer }) =>
    model === "deit-tiny" && arithmetic === "f32" && form === "plain" && !compiled && optimizer === "AdamW"
  )!;
  assert(plain.unit === "images" && plain.rounds > 1 && plain.peakBytes! >= 4089332736);
  assert(plain.speed!.smallest <= plain.speed!.median && plain.speed!.median <= plain.speed!.largest);
});

Deno.test("summary --json and merge --json print what bench --json prints of the sweep", () =>
  withFolder(async (folder) => {
    const path = "reports/2026-11-29-nvidia-h200/precision";
    const [told] = await output("report", path);
    assertEquals(await output("summary", path), told);

    const { header, records } = parseSweep(await Deno.readTextFile(`${root}/${path}/results.jsonl`));
    const [one, two] = [1, 2].map((index) => {
      const shard = { ...header!, shard: { index, of: 2 } };
      const own = new Set(cellsToRun(shard).map(keyOf));
      return [shard, ...records.filter(({ configuration }) => own.has(keyOf(configuration)))];
    });
    for (const [name, lines] of Object.entries({ one, two })) {
      await Deno.mkdir(`${folder}/${name}`);
      await Deno.writeTextFile(
        `${folder}/${name}/results.jsonl`,
        lines.map((line) => JSON.stringify(line) + "\n").join(""),
      );
    }
    const whole = await output("merge", `${folder}/one ${folder}/two --out ${folder}/whole`);
    assertEquals(whole, { ...told, folder: `${folder}/whole`, command: whole.command });
    const half = await output("merge", `${folder}/two --out ${folder}/half`, [1]);
    assertEquals(half.missing, cellsToRun({ ...header!, shard: { index: 1, of: 2 } }).length);
  }));

Deno.test("test --json prints what its schema says, and of failed tests where they stand", () =>
  withFolder(async (folder) => {
    const file = `${folder}/three_test.ts`;
    await Deno.writeTextFile(
      file,
      'Deno.test("well", () => {});\nDeno.test.ignore("left out", () => {});\n' +
        'Deno.test("bad", () => {\n  console.log("{");\n  throw new Error("no");\n});\n',
    );
    const { failures, ...counts } = await output("test", file, [1]);
    assertEquals(counts, { passed: 1, failed: 1, ignored: 1 });
    assert(failures.length === 1 && /^bad => .*three_test\.ts:3:6$/.test(failures[0]), `${failures}`);
    const well = await output("test", `${file} --filter well`);
    assertEquals(well, { passed: 1, failed: 0, ignored: 0, failures: [] });
  }));

gpuTest("doctor --json, verify --json and train --json print what their schemas say", async () => {
  const { runs, wanted, adapter } = await output("doctor");
  assertEquals([runs, wanted], [true, adapter!.name]);
  const { pass, policy, worst, tensors } = await output(
    "verify",
    "src/models/testdata/vit-small --policy mesa8",
  );
  assertEquals([pass, policy, worst.relativeError], [
    true,
    "mesa8",
    Math.max(...tensors.map(({ relativeError }) => relativeError)),
  ]);
  const steps = "--steps 3 --eval-every 2 --accumulate 2 --sequence 16 --batch 2 --no-tune --sample-tokens 2";
  const { accumulate, losses, evaluations, stopped, sample } = await output("train", steps);
  assertEquals(accumulate, 2);
  assertEquals([losses.length, evaluations.map(({ step }) => step), stopped], [3, [2, 3], false]);
  assert(sample !== null && sample.length > 0);
});

gpuTest(
  "bench --json, with a document of the sweep, prints its cells, and check --json passes",
  () =>
    withFolder(async (folder) => {
      const sweep = {
        ...{ model: "nano", sequence: 16, batch: 1, policy: ["exact", { name: "mine", bits: 4 }], steps: 9 },
        ...{ rounds: 1, warmup: 0, "quality-steps": 2, "gradient-every": 1, "no-tune": true },
      };
      await Deno.writeTextFile(`${folder}/sweep.json`, JSON.stringify(sweep));
      const out = `${folder}/report`;
      const found = await output("bench", `--config ${folder}/sweep.json --steps 1 --out ${out}`);
      assert(found.kind === "sweep");
      assertEquals([found.folder, found.missing, found.config!.path], [out, 0, `${folder}/sweep.json`]);
      assertEquals(found.cells.map(({ policy, status, rounds }) => [policy, status, rounds]), [
        ["exact", "ok", 1],
        ["mine", "ok", 1],
      ]);
      const [exact, mine] = found.cells;
      assert(mine.memory!.savedBytes < exact.memory!.savedBytes);
      assert(mine.quality!.gradientError! > 0);
      assertEquals(exact.quality!.gradientError, null);
      if (await wereAlone(out)) assertEquals([exact.speed!.ratio, mine.speed!.against], [1, "exact"]);

      const [header, record] = (await Deno.readTextFile(`${out}/results.jsonl`)).split("\n").map((line) =>
        line && JSON.parse(line)
      );
      assertEquals([header.config, record.configuration.timedSteps], [found.config, 1]);
      const { cells } = await output("compare", `${out} ${out}`);
      assertEquals(cells.map(({ memory, losses }) => [memory!.verdict, losses!.verdict]), [["same", "same"], [
        "same",
        "same",
      ]]);
      const [checked] = await output("check", out, [0, 1]); // 1 where the sources are not committed
      assertEquals(checked.findings.filter(({ pass, text }) => !pass && !text.includes("sources")), []);
      const resumed = await output("bench", `--resume ${out}`);
      assertEquals(resumed, found);
      const again = await output("bench", `--render ${out}`);
      assert(again.kind === "written" && again.files.includes("report.md"));
    }),
);

gpuTest(
  "bench mst --json runs the longest sequences by plan to their end, which check and a resumption find whole",
  () =>
    withFolder(async (folder) => {
      const out = `${folder}/mst`;
      // On a GPU the profile's own models are of 7 and 8 billion, and lengths whole thousands.
      const onGpu = (await testGpu()).adapter.class === "gpu";
      const size = `--model llama-nano --memory ${onGpu ? "64MiB" : "8MiB"}`;
      const found = await output("bench", `mst ${size} --policy exact,mst8 --warmup 0 --out ${out}`);
      assert(found.kind === "sweep");
      const { unit, found: lengths } = found.longest!;
      const own = lengths.filter(({ parameters, moments }) => parameters === "bf16" && moments === "bf16");
      assertEquals([unit, lengths.length, own.map(({ policy }) => policy)], [
        onGpu ? 1024 : 64,
        8,
        ["exact", "mst8"],
      ]);
      const [exact, mst8] = own;
      const longest = found.cells.slice(-3);
      assertEquals(
        longest.map(({ sequence, policy, status }) => [sequence, policy, status]),
        [[exact.sequence, "exact", "ok"], [mst8.sequence, "exact", "oom"], [mst8.sequence, "mst8", "ok"]],
      );
      assertEquals(longest.at(-1)!.memory!.bufferBytes, mst8.memory!.bufferBytes);
      const [checked] = await output("check", out, [0, 1]); // 1 where the sources are not committed
      assertEquals(checked.findings.filter(({ pass, text }) => !pass && !text.includes("sources")), []);
      assertEquals(await output("bench", `--resume ${out}`), found);
      const report = await Deno.readTextFile(`${out}/report.md`);
      assert(report.includes("## The longest sequences"));
    }),
);

gpuTest(
  "bench frontier --json plans all that is not named and runs what is chosen, which check and a resumption find whole",
  () =>
    withFolder(async (folder) => {
      const out = `${folder}/frontier`;
      // Untuned, since sums of the contraction's parts, which tuning may choose, take memory that no plan knows before.
      const named = "--policy exact,half --moments f32 --parameters bf16 --sequence 16 --warmup 0 --no-tune";
      const small = "--model nano --batch 1 --quality-steps 1 --gradient-every 1";
      const found = await output("bench", `frontier ${small} ${named} --out ${out}`);
      assert(found.kind === "sweep");
      const { planned, most } = found.frontier!;
      assertEquals([most, planned.map(({ name }) => name)], [40, [
        "exact",
        "half",
        "exact + in backward",
        "half + in backward",
      ]]);
      const bytes = new Map(planned.map(({ name, memory }) => [name, memory!.bufferBytes]));
      for (const { policy, status, parameters, memory } of found.cells) {
        assertEquals([status, parameters, memory!.bufferBytes], ["ok", "bf16", bytes.get(policy)]);
      }
      const names = found.cells.map(({ policy }) => policy);
      assertEquals(names.slice(0, 3), ["exact", "half", "exact + in backward"]);
      const [, half, backward] = found.cells.map(({ quality }) => quality?.gradientError);
      assert(half! > 1e-6);
      assertEquals(backward, undefined, "its gradient is exact's");
      const [checked] = await output("check", out, [0, 1]); // 1 where the sources are not committed
      assertEquals(checked.findings.filter(({ pass, text }) => !pass && !text.includes("sources")), []);
      assertEquals(await output("bench", `--resume ${out}`), found);
      assert((await Deno.readTextFile(`${out}/report.md`)).includes("## Every combination by plan"));
      if (await wereAlone(out)) {
        assert((await Deno.readTextFile(`${out}/frontier.svg`)).includes("exact + in backward"));
      }
    }),
);

gpuTest(
  "bench kernels --json and bench --profile-step --json print their times",
  () =>
    withFolder(async (folder) => {
      const step = "--model nano --batch 1 --policy exact --no-tune";
      const kernels = await output("bench", `kernels ${step} --out ${folder}/kernels`);
      assert(kernels.kind === "kernels" && kernels.times.length > 20);
      assertEquals(kernels.steps.length, 1);
      const profile = await output("bench", `--profile-step ${step} --warmup 0 --out ${folder}/profile`);
      assert(profile.kind === "profile" && profile.times.length === 0);
      assertEquals(profile.steps.map(({ configuration }) => configuration.model), ["nano"]);
    }),
);
