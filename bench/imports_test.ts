import { assert, assertEquals } from "@std/assert";
import { dirname, join, normalize } from "node:path/posix";

const root = join(import.meta.dirname!, "..");

/** The folders of sources as CONTRIBUTING.md lists them: each may import from those before it. */
const layers = [...section("Where things live").matchAll(/^ {4}((?:src|kernels|bench)\/\S*) /gm)]
  .map(([, folder]) => folder.slice(0, -1));

function section(title: string): string {
  const guide = Deno.readTextFileSync(`${root}/CONTRIBUTING.md`);
  return guide.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? "";
}

const isTest = (file: string) => /_test\.ts$/.test(file);
const helpsTests = (file: string) => /(^|[/_])testing(\/|\.ts$)/.test(file);
const house = (file: string) => file.split("/")[0];

/** What is wrong with one file's import of another, if anything. */
function complaint(file: string, imported: string): string | undefined {
  const [from, to] = [dirname(file), dirname(imported)];
  if (isTest(file) || helpsTests(file)) {
    return house(imported) === "bench" && house(file) !== "bench"
      ? `${file} imports ${imported}: only tests of bench/ may use bench/`
      : undefined;
  }
  if (helpsTests(imported)) return `${file} imports ${imported}, which is for tests`;
  return layers.indexOf(to) > layers.indexOf(from)
    ? `${file} imports ${imported}, but CONTRIBUTING.md lists ${to}/ after ${from}/: move what they share before both`
    : undefined;
}

/** Complaints about all relative imports of a source, those of shaders included. */
function complaints(file: string, source: string): string[] {
  return [...source.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]*)"/g)]
    .map(([, path]) => complaint(file, normalize(join(dirname(file), path))))
    .filter((text) => text !== undefined);
}

function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(root, folder))) {
    if (isDirectory) yield* sources(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}

const files = ["src", "kernels", "bench"].flatMap((folder) => [...sources(folder)]);

Deno.test("Imports run one way: from a folder to those that CONTRIBUTING.md lists before it", () => {
  const wrong = files.flatMap((file) => complaints(file, Deno.readTextFileSync(join(root, file))));
  assertEquals(wrong, []);
});

Deno.test("CONTRIBUTING.md lists every folder with sources, once, and no other", () => {
  const folders = new Set(files.filter((file) => !helpsTests(file)).map((file) => dirname(file)));
  assertEquals(layers.toSorted(), [...folders].sort());
});

Deno.test("An import upward is told, in whatever form, and what is only for tests as well", () => {
  const refused: [file: string, source: string][] = [
    ["src/gpu/device.ts", 'import { type Tape } from "../nn/tape.ts";'],
    ["src/gpu/device.ts", 'import {\n  matmul,\n} from "../../kernels/products/matmul.ts";'],
    ["src/nn/tape.ts", 'export * from "../train/session.ts";'],
    ["src/nn/tape.ts", 'const { chart } = await import("../../bench/report/chart.ts");'],
    ["kernels/products/matmul.ts", 'import code from "../attention/softmax.wgsl" with { type: "text" };'],
    ["src/nn/tape.ts", 'import { runTest } from "../../kernels/testing/testing.ts";'],
    ["src/models/gpt2.ts", 'import { storages } from "./testing.ts";'],
    ["src/nn/tape_test.ts", 'import { bench } from "../../bench/commands/bench.ts";'],
  ];
  for (const [file, source] of refused) {
    const told = complaints(file, source);
    assertEquals(told.length, 1, source);
    assert(told[0].startsWith(`${file} imports `), told[0]);
  }
  assertEquals(complaints("src/nn/tape.ts", 'import { Tensor } from "../gpu/tensor.ts";'), []);
  assertEquals(complaints("src/nn/tape.ts", 'import { linear } from "./linear.ts";'), []);
});
