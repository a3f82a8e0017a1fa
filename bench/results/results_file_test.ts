import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { ResultsFile } from "./results_file.ts";

async function withFile(work: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/results.jsonl`, "");
    await work(`${folder}/results.jsonl`, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const read = (path: string) => Deno.readTextFile(path);
const lines = (...values: number[]) => values.map((n) => `{"n":${n}}\n`).join("");

Deno.test("ResultsFile appends whole lines, and goes on with those that are to stay", () =>
  withFile(async (path) => {
    const file = await ResultsFile.create(path, { n: 0 });
    await file.append({ n: 1 });
    await file.append({ n: 2 });
    assertEquals([await read(path), file.text], [lines(0, 1, 2), lines(0, 1, 2)]);
    file.close();
    await Deno.writeTextFile(path, '{"n":3', { append: true });
    const again = await ResultsFile.continue(path, file.lines.slice(0, 2));
    assertEquals(await read(path), lines(0, 1));
    await again.append({ n: 4 });
    assertEquals(await read(path), lines(0, 1, 4));
    again.close();
  }));

Deno.test("ResultsFile writes everything again where the folder, the file or a part of it was taken away", () =>
  withFile(async (path, folder) => {
    const file = await ResultsFile.create(path, { n: 0 });
    await file.append({ n: 1 });
    await Deno.remove(folder, { recursive: true });
    await file.append({ n: 2 });
    assertEquals(await read(path), lines(0, 1, 2));
    await Deno.truncate(path, 9);
    await file.append({ n: 3 });
    assertEquals(await read(path), lines(0, 1, 2, 3));
    await Deno.remove(path);
    await file.settle();
    assertEquals(await read(path), lines(0, 1, 2, 3));
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["results.jsonl"]);
    file.close();
  }));

Deno.test("ResultsFile lets one run write at a time", () =>
  withFile(async (path) => {
    const file = await ResultsFile.create(path, { n: 0 });
    await assertRejects(() => ResultsFile.continue(path, ["{}"]), UserError, "Another run is writing");
    assertEquals(await read(path), lines(0));
    file.close();
    (await ResultsFile.continue(path, file.lines)).close();
  }));

Deno.test("ResultsFile goes on with no file that another run has written since it was read", () =>
  withFile(async (path) => {
    const file = await ResultsFile.create(path, { n: 0 });
    const before = await read(path);
    await file.append({ n: 1 });
    file.close();
    await assertRejects(
      () => ResultsFile.continue(path, ['{"n":0}'], before),
      UserError,
      "meanwhile; run the command again",
    );
    assertEquals(await read(path), lines(0, 1), "nothing is lost");
    (await ResultsFile.continue(path, ['{"n":0}'], await read(path))).close();
  }));

Deno.test("ResultsFile says why a record cannot be written, keeps the others, and can try again", () =>
  withFile(async (path) => {
    const file = await ResultsFile.create(path, { n: 0 });
    const { prototype } = Deno.FsFile;
    const write = prototype.write;
    prototype.write = async function (bytes) {
      await write.call(this, bytes.subarray(0, 3));
      throw Object.assign(new Error("write"), { code: "ENOSPC" });
    };
    try {
      await assertRejects(() => file.append({ n: 1 }), UserError, "no space is left on the device");
    } finally {
      prototype.write = write;
    }
    assertEquals(await read(path), lines(0));
    await file.append({ n: 2 });
    assertEquals(await read(path), lines(0, 2));
    file.close();
  }));
