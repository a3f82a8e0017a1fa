import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import {
  type NamedTensor,
  openSafetensors,
  readSafetensors,
  type UnreadTensor,
  writeSafetensors,
} from "./safetensors.ts";

const folder = Deno.makeTempDirSync();
const path = `${folder}/model.safetensors`;
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** Writes a file by hand: what stands before the data, then the data. */
async function writeRaw(header: unknown, data: ArrayLike<number> = []): Promise<void> {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const length = new Uint8Array(new BigUint64Array([BigInt(json.length)]).buffer);
  await Deno.writeFile(path, Uint8Array.from([...length, ...json, ...Array.from(data)]));
}

/** A header entry. */
function entry(dtype: string, shape: number[], begin: number, end: number) {
  return { dtype, shape, data_offsets: [begin, end] };
}

async function bytesOf(view: ArrayBufferView<ArrayBuffer>): Promise<Uint8Array> {
  return await new Response(view).bytes();
}

async function readError(): Promise<string> {
  return (await assertRejects(() => readSafetensors(path), UserError)).message;
}

Deno.test("writeSafetensors() writes what readSafetensors() reads", async () => {
  const tensors = new Map<string, NamedTensor>([
    ["matrix", { dtype: "F32", shape: [2, 3], data: new Float32Array([1, -2.5, 0, 1e-40, NaN, Infinity]) }],
    ["words", { dtype: "I32", shape: [2], data: new Int32Array([-100, 2 ** 31 - 1]) }],
    ["counts", { dtype: "U32", shape: [], data: new Uint32Array([2 ** 32 - 1]) }],
    ["none", { dtype: "F32", shape: [0, 7], data: new Float32Array() }],
    ["bytes", { dtype: "U8", shape: [3], data: new Uint8Array([0, 127, 255]) }],
    ["__proto__", { dtype: "U8", shape: [1], data: new Uint8Array([9]) }],
  ]);
  await writeSafetensors(path, tensors, { step: "300", note: "naïve" });
  assertEquals(await readSafetensors(path), tensors);
  assertEquals((await openSafetensors(path)).metadata, { step: "300", note: "naïve" });
});

Deno.test("writeSafetensors() makes these bytes: spaces up to 8, wider elements first, the map's order otherwise", async () => {
  await writeSafetensors(
    path,
    new Map<string, NamedTensor>([
      ["odd", { dtype: "U8", shape: [1], data: new Uint8Array([7]) }],
      ["b", { dtype: "F32", shape: [1], data: new Float32Array([1]) }],
      ["a", { dtype: "I32", shape: [1], data: new Int32Array([2]) }],
    ]),
  );
  const bytes = await Deno.readFile(path);
  const json = '{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},' +
    '"a":{"dtype":"I32","shape":[1],"data_offsets":[4,8]},"odd":{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}';
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  assertEquals(length % 8, 0);
  assertEquals(new TextDecoder().decode(bytes.subarray(8, 8 + length)), json.padEnd(length));
  assertEquals([...bytes.subarray(8 + length)], [0, 0, 0x80, 0x3f, 2, 0, 0, 0, 7]);
});

Deno.test("writeSafetensors() writes only the elements of a view into a larger buffer", async () => {
  const data = new Float32Array([1, 2, 3, 4]).subarray(1, 3);
  await writeSafetensors(path, new Map([["x", { dtype: "F32", shape: [2], data }]]), {});
  assertEquals((await readSafetensors(path)).get("x")?.data, new Float32Array([2, 3]));
  assertEquals((await openSafetensors(path)).metadata, {});
});

Deno.test("writeSafetensors() reads what is unread when its turn comes, one after the other, and leaves no file where that fails", async () => {
  const order: string[] = [];
  let underWay = 0;
  const unread = (name: string, values: number[], fails = false): [string, UnreadTensor] => [name, {
    ...{ dtype: "F32", shape: [values.length] },
    read: async () => {
      order.push(name);
      assertEquals(++underWay, 1);
      await new Promise((done) => setTimeout(done, 1));
      underWay--;
      if (fails) throw new Error("the card is gone");
      return new Float32Array(values);
    },
  }];
  const held: [string, NamedTensor] = ["held", { dtype: "U8", shape: [1], data: new Uint8Array([5]) }];
  const mixed = new Map<string, NamedTensor | UnreadTensor>([held, unread("a", [1, 2]), unread("b", [3])]);
  await writeSafetensors(path, mixed);
  assertEquals(order, ["a", "b"]);
  const read = await readSafetensors(path);
  assertEquals([...read].map(([name, { data }]) => [name, ...data]), [["a", 1, 2], ["b", 3], ["held", 5]]);
  const other = `${folder}/other.safetensors`;
  const tensors = new Map([unread("a", [1]), unread("b", [2], true)]);
  await assertRejects(() => writeSafetensors(other, tensors), Error, "the card is gone");
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["model.safetensors"]);
});

Deno.test("writeSafetensors() refuses data that does not fill its shape, and the name of the metadata", async () => {
  const tensor: NamedTensor = { dtype: "F32", shape: [2, 2], data: new Float32Array(3) };
  const shape = await assertRejects(() => writeSafetensors(path, new Map([["x", tensor]])), RangeError);
  assertEquals(shape.message, 'The tensor "x" has 3 elements, not its shape\'s [2, 2]');
  const name = await assertRejects(
    () => writeSafetensors(path, new Map([["__metadata__", tensor]])),
    RangeError,
  );
  assertEquals(name.message, 'No tensor may be named "__metadata__"');
});

Deno.test("writeSafetensors() says in one sentence that a path cannot be written", async () => {
  const target = `${folder}/none/model.safetensors`;
  const error = await assertRejects(() => writeSafetensors(target, new Map()), UserError);
  assertEquals(error.message, `Cannot write ${target}: its folder does not exist; create it first`);
});

const conversions: [string, ArrayBufferView<ArrayBuffer>, string, ArrayBufferView<ArrayBuffer>][] = [
  ["F64", new Float64Array([0.1, -1e300]), "F32", new Float32Array([0.1, -Infinity])],
  [
    "F16",
    new Uint16Array([0x3c00, 0xfbff, 0x0001, 0x7c00]),
    "F32",
    new Float32Array([1, -65504, 2 ** -24, Infinity]),
  ],
  ["BF16", new Uint16Array([0x3f80, 0xc049, 0xff80]), "F32", new Float32Array([1, -3.140625, -Infinity])],
  ["I64", new BigInt64Array([-100n, 2n ** 31n - 1n]), "I32", new Int32Array([-100, 2 ** 31 - 1])],
  ["I16", new Int16Array([-32768, 7]), "I32", new Int32Array([-32768, 7])],
  ["I8", new Int8Array([-128, 7]), "I32", new Int32Array([-128, 7])],
  ["U64", new BigUint64Array([0n, 2n ** 32n - 1n]), "U32", new Uint32Array([0, 2 ** 32 - 1])],
  ["U16", new Uint16Array([65535]), "U32", new Uint32Array([65535])],
  ["BOOL", new Uint8Array([0, 1]), "U8", new Uint8Array([0, 1])],
];
for (const [dtype, stored, kept, data] of conversions) {
  Deno.test(`readSafetensors() converts ${dtype} to ${kept}`, async () => {
    const bytes = await bytesOf(stored);
    const shape = [(data as Uint8Array).length];
    await writeRaw({ x: entry(dtype, shape, 0, bytes.length) }, bytes);
    assertEquals((await readSafetensors(path)).get("x"), { dtype: kept, shape, data });
  });
}

Deno.test("openSafetensors() reads a tensor's data when they are asked for, and says that the file changed", async () => {
  const data = new Float32Array([1, 2, 3]);
  const words = (x: Float32Array<ArrayBuffer>): NamedTensor => ({ dtype: "F32", shape: [x.length], data: x });
  await writeSafetensors(path, new Map([["a", words(data)], ["b", words(data)]]));
  const { tensors } = await openSafetensors(path);
  await writeSafetensors(path, new Map([["a", words(data.map((x) => -x))], ["b", words(data)]]));
  assertEquals(tensors.get("a")!.data, new Float32Array([-1, -2, -3]));
  await Deno.truncate(path, (await Deno.stat(path)).size - 1);
  assertEquals(tensors.get("a")!.data, new Float32Array([-1, -2, -3]));
  const dataOfB = () => tensors.get("b")!.data;
  assertEquals(
    assertThrows(dataOfB, UserError).message,
    `${path} became shorter while the tensor "b" was read; read it again`,
  );
  await Deno.remove(path);
  assertThrows(dataOfB, UserError, `Cannot read ${path}: there is no such file; check the path`);
});

Deno.test("readSafetensors() refuses 64-bit numbers that do not fit", async () => {
  await writeRaw({ ids: entry("I64", [1], 0, 8) }, await bytesOf(new BigInt64Array([-(2n ** 31n) - 1n])));
  assertEquals(
    await readError(),
    `The tensor "ids" in ${path} holds -2147483649, which does not fit into 32 bits; save smaller numbers`,
  );
  await writeRaw({ ids: entry("U64", [1], 0, 8) }, await bytesOf(new BigUint64Array([2n ** 32n])));
  assertEquals(
    await readError(),
    `The tensor "ids" in ${path} holds 4294967296, which does not fit into 32 bits; save smaller numbers`,
  );
});

Deno.test("readSafetensors() reads tensors in the order of their bytes, whatever the header's", async () => {
  await writeRaw({ b: entry("U8", [1], 1, 2), "7": entry("U8", [0], 1, 1), a: entry("U8", [1], 0, 1) }, [
    5,
    6,
  ]);
  assertEquals([...await readSafetensors(path)].map(([name, { data }]) => [name, ...data]), [
    ["a", 5],
    ["7"],
    ["b", 6],
  ]);
});

Deno.test("readSafetensors() says that a file is missing", async () => {
  const error = await assertRejects(() => readSafetensors(`${folder}/none`), UserError);
  assertEquals(error.message, `Cannot read ${folder}/none: there is no such file; check the path`);
});

Deno.test("readSafetensors() refuses a file that ends before its header does", async () => {
  await Deno.writeFile(path, new Uint8Array(5));
  assertEquals(
    await readError(),
    `${path} is not a safetensors file or is truncated: it has 5 bytes, fewer than the 8 of the header's length`,
  );
  await Deno.writeFile(path, new Uint8Array([200, 0, 0, 0, 0, 0, 0, 0, 123]));
  assertEquals(
    await readError(),
    `${path} is truncated: its header takes 208 bytes and the file has 9; save or copy the file again`,
  );
});

Deno.test("readSafetensors() refuses a header longer than the format allows", async () => {
  await Deno.writeTextFile(path, "A text, not tensors");
  assertEquals(
    await readError(),
    `${path} is not a safetensors file: it claims a header of 2318355968635969601 bytes, more than the 100000000 allowed`,
  );
});

Deno.test("readSafetensors() refuses a header that is not a JSON object", async () => {
  for (const header of ["{", "[]", "null", "\ufeff{}"]) {
    await writeRaw(header);
    assertEquals(
      await readError(),
      `The header of ${path} is not a JSON object: the file is damaged or not a safetensors file`,
    );
  }
});

Deno.test("readSafetensors() refuses metadata that are not texts", async () => {
  for (const metadata of [{ step: 3 }, [], "text", null]) {
    await writeRaw({ __metadata__: metadata });
    assertEquals(
      await readError(),
      `The header of ${path} is malformed: "__metadata__" must hold texts; save or copy the file again`,
    );
  }
});

Deno.test("readSafetensors() names the tensor whose header entry is malformed", async () => {
  const good = entry("F32", [1], 0, 4);
  const malformed = [null, {}, { ...good, dtype: 4 }, { ...good, shape: [-1] }, { ...good, shape: [0.5] }];
  for (const bad of [...malformed, { ...good, data_offsets: [0] }, { ...good, data_offsets: [0, 2 ** 60] }]) {
    await writeRaw({ "h.0": bad }, [0, 0, 0, 0]);
    assertEquals(
      await readError(),
      `The tensor "h.0" in ${path} is malformed: its header needs a dtype, a shape and two data_offsets; save or copy the file again`,
    );
  }
});

Deno.test("readSafetensors() names the tensor of an unknown dtype", async () => {
  await writeRaw({ w: entry("F8_E4M3", [1], 0, 1) }, [0]);
  assertEquals(
    await readError(),
    `The tensor "w" in ${path} has the dtype F8_E4M3, which cannot be read; save it as one of ` +
      "F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, BOOL",
  );
});

Deno.test("readSafetensors() names the tensor whose bytes do not match its shape", async () => {
  await writeRaw({ w: entry("F32", [2, 3], 0, 16) }, new Uint8Array(16));
  assertEquals(
    await readError(),
    `The tensor "w" in ${path} takes 16 bytes, not the 24 of its shape [2, 3] in F32; save or copy the file again`,
  );
  await writeRaw({ w: entry("F32", [1], 4, 0) }, new Uint8Array(4));
  assertEquals(
    await readError(),
    `The tensor "w" in ${path} takes -4 bytes, not the 4 of its shape [1] in F32; save or copy the file again`,
  );
});

Deno.test("readSafetensors() names the tensors that overlap", async () => {
  await writeRaw({ a: entry("U8", [4], 0, 4), b: entry("U8", [4], 2, 6) }, new Uint8Array(6));
  assertEquals(await readError(), `The tensors "a" and "b" in ${path} overlap; save or copy the file again`);
});

Deno.test("readSafetensors() refuses bytes that belong to no tensor", async () => {
  await writeRaw({ a: entry("U8", [1], 0, 1), b: entry("U8", [1], 3, 4) }, new Uint8Array(4));
  assertEquals(
    await readError(),
    `${path} has 2 bytes before the tensor "b" that belong to none; save or copy the file again`,
  );
  await writeRaw({ a: entry("U8", [1], 0, 1) }, new Uint8Array(4));
  assertEquals(
    await readError(),
    `${path} has 3 bytes after its last tensor that belong to none; save or copy the file again`,
  );
});

Deno.test("readSafetensors() names the tensor whose bytes run past the file", async () => {
  await writeRaw({ a: entry("U8", [2], 0, 2), b: entry("F32", [2], 2, 10) }, new Uint8Array(7));
  assertEquals(
    await readError(),
    `${path} is truncated: the tensor "b" runs 3 bytes past its end; save or copy the file again`,
  );
});
