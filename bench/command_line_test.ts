import { extractOptionNames, parse, type Parser } from "@optique/core";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertObjectMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { UserError } from "../src/errors.ts";
import { gpuWith, softwareWith } from "../src/gpu/builder.ts";
import { typicalDawnLimits, typicalGpuLimits, typicalSoftwareLimits } from "../src/gpu/limits.ts";
import config from "../deno.json" with { type: "json" };
import { modelConfig, modelNames } from "../src/models/model_config.ts";
import { policyNames } from "../src/storage/policies.ts";
import { describeStep } from "../src/train/plan_training.ts";
import { planTraining } from "../src/train/plan_testing.ts";
import { tuningCase } from "../src/tuning/tuning_case.ts";
import { commands, parseCommandLine, publicNames } from "./command_line.ts";
import { options as bench } from "./commands/bench.ts";
import { options as train } from "./commands/train.ts";
import { outputs, schemas } from "./commands/schema.ts";
import { profiles } from "./sweep/profiles.ts";

class Exit extends Error {
  constructor(readonly code: number) {
    super(`exit ${code}`);
  }
}

const exit = (code: number): never => {
  throw new Exit(code);
};

/** What a wrong command line prints, and the code it exits with. */
function refusal(line: string): { text: string; code: number } {
  let text = "";
  const host = { stderr: (printed: string) => void (text += printed), exit };
  const { code } = assertThrows(() => parseCommandLine(line.split(" ").filter(Boolean), host), Exit);
  return { text, code };
}

const refused: Record<string, RegExp> = {
  "bnch": /Unknown command "bnch"; did you mean "bench"\?/,
  "": new RegExp(`Give a command: ${publicNames.join(", ")}$`),
  "bench --polcy exact": /Unknown option of bench "--polcy"; did you mean "--policy"\?/,
  "bench --polcy=exact": /Unknown option of bench "--polcy"; did you mean "--policy"\?/,
  "plan --frobnicate": /Unknown option of plan "--frobnicate"; known: --model, /,
  "train --tokens 2": /Unknown option of train "--tokens", which is one of bench, plan$/,
  "plan nano": /plan takes no argument "nano"/,
  "bench --policy exact,mesa9": /`--policy`: Unknown policy "mesa9"; did you mean "mesa8"\?/,
  "bench --model nanno": /`--model`: Unknown model "nanno"; did you mean "nano"\?/,
  "bench --rounding neerest": /`--rounding`: Unknown rounding "neerest"; did you mean "nearest"\?/,
  "bench --ranges lagging": /`--ranges`: Unknown ranges "lagging"; known: running, current, delayed/,
  "bench --attention fussed": /`--attention`: Unknown attention "fussed"; did you mean "fused"\?/,
  "bench --policy exact,none.json": /`--policy`: Cannot read the policy none.json: .*[Nn]o such file/,
  "bench --model deit-tinny": /`--model`: Unknown model "deit-tinny"; did you mean "deit-tiny"\?/,
  "bench --profile ablation-bit":
    /`--profile`: Unknown profile "ablation-bit"; did you mean "ablation-bits"\?/,
  "bench parrity": /Unknown profile "parrity"; did you mean "parity"\?/,
  "train --label-smoothing 5": /`--label-smoothing`: .*"5" is no share; give a number from 0 to below 1/,
  "train --label-smoothing 1": /`--label-smoothing`: .*"1" is no share/,
  "train --label-smoothing -0.1": /`--label-smoothing`: .*"-0.1" is no share/,
  "train --label-smoothing x": /`--label-smoothing`: .*"x" is no share/,
  "plan --adapter cuda": /`--adapter`: Unknown adapter "cuda"; known: gpu, dawn, software/,
  "bench --seeds 0": /`--seeds`: .*"0"/,
  "bench --gradient-every -1": /`--gradient-every`: .*"-1"/,
  "bench --batch 4,x": /`--batch`: .*"x"/,
  "bench --steps 0": /`--steps`: .*"0"/,
  "bench --steps": /`--steps` requires `N`/,
  "verify": /Expected a folder: give a reference case/,
};

for (const [line, expected] of Object.entries(refused)) {
  Deno.test(`parseCommandLine() refuses "${line}" in one line`, () => {
    const { text, code } = refusal(line);
    assertMatch(text, expected);
    assertEquals(text.trim().split("\n").length, 1);
    assertEquals(code, 2);
  });
}

/** What a command's action prints. */
async function printed(line: string): Promise<string> {
  const log = console.log;
  const lines: string[] = [];
  console.log = (text: string) => void lines.push(text);
  try {
    assertEquals(await parseCommandLine(line.split(" "))(), 0);
  } finally {
    console.log = log;
  }
  return lines.join("\n");
}

Deno.test("parseCommandLine() takes lists with commas and one at a time, and hands them to the command", async () => {
  const planned = async (line: string) =>
    (JSON.parse(await printed(`plan --json ${line}`)) as { model: string; batch: number; policy: string }[])
      .map(({ model, batch, policy }) => `${model} ${batch} ${policy}`);
  assertEquals(await planned("--batch 4,16 --policy exact"), ["nano 4 exact", "nano 16 exact"]);
  const many = [4, 16].flatMap((batch) =>
    ["deit-tiny", "nano"].flatMap((model) => ["half", "mesa8"].map((policy) => `${model} ${batch} ${policy}`))
  ).sort();
  const oneByOne =
    "--batch 4 --batch=16 --model deit-tiny,nano --model nano --policy half --policy mesa8,half";
  assertEquals((await planned(oneByOne)).sort(), many);
});

Deno.test("parseCommandLine() hands a choice of storage to the command", async () => {
  const line = "plan --json --policy mesa8";
  assertNotEquals(await printed(`${line} --attention materialised`), await printed(line));
  assertEquals(await printed(`${line} --attention fused`), await printed(line));
});

const nanoStep = { model: modelConfig("nano"), sequence: 128, batch: 4, policy: "mesa8", seed: 0 };

Deno.test("plan says for what it plans, and other adapters' kernels take other memory", async () => {
  const line = "plan --policy mesa8";
  assertStringIncludes(
    await printed(line),
    "Planned for a current discrete GPU, bindings of at most 2 GiB; ",
  );
  assertStringIncludes(
    await printed(`${line} --adapter software`),
    "llvmpipe), bindings of at most 128 MiB; ",
  );
  const fields = async (line: string) => JSON.parse(await printed(line))[0];
  const [{ plan: onGpu }, { plan: onSoftware }] = [
    describeStep(nanoStep, gpuWith(typicalGpuLimits)),
    describeStep(nanoStep, softwareWith(typicalSoftwareLimits)),
  ];
  assertNotEquals(onGpu.bufferBytes, onSoftware.bufferBytes);
  assertObjectMatch(await fields(`${line} --json`), {
    adapterClass: "gpu",
    variants: null,
    bufferBytes: onGpu.bufferBytes,
  });
  assertObjectMatch(await fields(`${line} --json --adapter dawn`), {
    adapterClass: "gpu",
    maxBufferSize: 2 ** 40,
    bufferBytes: onGpu.bufferBytes,
  });
  assertObjectMatch(await fields(`${line} --json --adapter software`), {
    adapterClass: "software",
    maxStorageBufferBindingSize: 2 ** 27,
    bufferBytes: onSoftware.bufferBytes,
  });
});

Deno.test("plan says what products compute in, and plans that", async () => {
  const line = "plan --policy mesa8 --model nano --arithmetic f16";
  const opening = (await printed(`${line} --runtime dawn --moments bf16`)).split("\n")[0];
  assertStringIncludes(opening, "a current discrete GPU under Dawn, bindings");
  assertStringIncludes(opening, "; products in f16, moments in bf16");
  const { bufferBytes } = describeStep({ ...nanoStep, arithmetic: "f16" }, gpuWith(typicalDawnLimits)).plan;
  assertNotEquals(bufferBytes, planTraining(nanoStep).bufferBytes);
  for (const told of ["--runtime", "--adapter"]) {
    const [plan] = JSON.parse(await printed(`${line} ${told} dawn --json`));
    assertObjectMatch(plan, { arithmetic: "f16", bufferBytes, maxBufferSize: 2 ** 40 });
  }
  await assertRejects(() => printed(line), UserError, "Products in f16 want subgroups");
});

Deno.test("plan takes a file's variants, as a run does, and refuses one that names none of its kernels", async () => {
  const builder = gpuWith(typicalGpuLimits);
  const asked = Object.keys(describeStep(nanoStep, builder).variants);
  const variants = Object.fromEntries(asked.map((key) => [key, tuningCase(key, builder).candidates.at(-1)!]));
  const folder = await Deno.makeTempDir();
  try {
    const line = `plan --json --policy mesa8 --variants ${folder}/variants.json`;
    await Deno.writeTextFile(`${folder}/variants.json`, JSON.stringify(variants));
    const { bufferBytes } = planTraining({ ...nanoStep, variants });
    assertNotEquals(bufferBytes, planTraining(nanoStep).bufferBytes);
    const [told] = JSON.parse(await printed(line));
    assertObjectMatch(told, { bufferBytes, variants: `${folder}/variants.json` });
    await Deno.writeTextFile(`${folder}/variants.json`, '{"matmul nn 1×1×1": "unused"}');
    await assertRejects(() => printed(line), UserError, "names no kernel of this run");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("schema prints every schema there is, and each command's output has one", async () => {
  for (const [name, schema] of Object.entries(schemas)) {
    const told = JSON.parse(await printed(`schema ${name}`));
    assertEquals(told, JSON.parse(JSON.stringify(schema())), name);
    assertStringIncludes(told.$schema, "json-schema.org", name);
    assert(typeof told.title === "string", `${name} has no title`);
  }
  const withJson = Object.entries(commands).filter(([, { usage }]) =>
    extractOptionNames(usage).has("--json")
  );
  assertEquals(Object.keys(outputs).toSorted(), withJson.map(([name]) => name).toSorted());
});

/** What `--help` of a command prints. */
function help(command: string): string {
  let text = "";
  const host = { stdout: (printed: string) => void (text += printed), exit };
  assertThrows(() => parseCommandLine([command, "--help"], host), Exit);
  return text;
}

Deno.test("--help lists every profile, model and policy", () => {
  const text = help("bench");
  for (const name of [...Object.keys(profiles), ...modelNames, ...policyNames]) {
    assertStringIncludes(text, name);
  }
  assert(!/\.\.\.\)/.test(text), text);
});

Deno.test("--help of a command says of others what holds for the tasks and for the program", () => {
  for (const name of publicNames.filter((name) => name !== "test")) { // whose --help is `deno test`'s
    const [, , ...lines] = help(name).split("\n");
    assertEquals(lines.slice(0, -1).filter((line) => /deno task|headroom/.test(line)), [], name);
  }
});

Deno.test("--version tells the version, and the commit that it is given", () => {
  for (const version of [undefined, "0.1.0 (commit 123456789abc)"]) {
    let text = "";
    const host = { stdout: (printed: string) => void (text += printed), exit, version };
    assertEquals(assertThrows(() => parseCommandLine(["--version"], host), Exit).code, 0);
    assertEquals(text, `headroom ${version ?? config.version}`);
  }
});

/** What the shell is told of words that are begun. */
function completions(...words: string[]): string[] {
  let text = "";
  const host = { stdout: (printed: string) => void (text += `${printed}\n`), exit };
  assertThrows(() => parseCommandLine(["completion", "bash", ...words], host), Exit);
  return text.split("\n").filter(Boolean);
}

Deno.test("Completion knows commands, profiles, models and policies, also after a comma; no hidden command", () => {
  assertEquals(completions("").filter((word) => /^[a-z]/.test(word)).toSorted(), publicNames.toSorted());
  assertEquals(completions("bench", "par"), ["parity", "parity-arithmetic", "parity-states"]);
  assertEquals(completions("plan", "--model", "deit-s"), ["deit-small"]);
  assertEquals(completions("plan", "--policy", "exact,recompute"), ["exact,recompute", "exact,recompute8"]);
  assertEquals(completions("schema", "sw"), ["sweep"]);
});

const accepted: [command: string, parser: Parser<"sync">, line: string, values: Record<string, unknown>][] = [
  ["bench", bench, "parity --seeds 5 --gradient-every 0 --ranges delayed", {
    ...{ named: "parity", seeds: 5, gradientEvery: 0, ranges: "delayed" },
    ...{ profile: undefined, models: [], noTune: false, requireGpu: false },
  }],
  ["bench", bench, "--profile ablation-grouping --images cifar --no-tune", {
    ...{ named: undefined, profile: "ablation-grouping", images: "cifar", noTune: true },
  }],
  ["train", train, "--model vit-nano --label-smoothing 0.1 --images cifar --no-tune", {
    ...{ model: modelConfig("vit-nano"), labelSmoothing: 0.1, images: "cifar", noTune: true },
    ...{ batch: 4, steps: 300, save: undefined, variants: undefined },
  }],
  ["train", train, "--variants reports/some/variants.json --save out.safetensors", {
    ...{ variants: "reports/some/variants.json", save: "out.safetensors", noTune: false },
  }],
];

for (const [command, parser, line, values] of accepted) {
  Deno.test(`parseCommandLine() takes "${command} ${line}", which has these values and defaults for the rest`, () => {
    parseCommandLine([command, ...line.split(" ")], { exit });
    assertObjectMatch(parse(parser, line.split(" ")), { success: true, value: values });
  });
}
