import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  gpuTest,
  normals,
  padRows,
  runTest,
  storesFor,
  testGpu,
  type TestProgram,
  unpadRows,
} from "../../kernels/testing/testing.ts";
import { ProgramBuilder } from "./builder.ts";
import { BufferSet } from "./buffers.ts";
import { OutOfMemoryError } from "./errors.ts";
import { typicalGpuLimits } from "./limits.ts";
import { foldGrid } from "./prepared.ts";
import { Program } from "./program.ts";
import type { Store, Tensor } from "./tensor.ts";
import { countBuffers } from "./testing.ts";

const gpu = await testGpu();

/** out[i] = a[i] + addend, a workgroup an element. */
const addText = `
struct Parameters { count: u32, addend: f32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = group.y * groups.x + group.x;
  if (i < p.count) {
    out[i] = a[i] + p.addend;
  }
}`;

function add(
  builder: ProgramBuilder,
  a: Tensor,
  out: Tensor,
  addend: number,
  options: {
    rows?: { first: number; rows: number };
    flops?: number;
    code?: string;
    label?: string;
    first?: true;
  } = {},
): void {
  const { rows = { first: 0, rows: a.rows }, flops = 0, code = addText, label = "add", first } = options;
  const count = rows.rows * a.stride;
  builder.dispatch({
    kernel: { label, code },
    bindings: [
      { group: 0, index: 1, tensor: a, access: "read", ...rows },
      { group: 0, index: 2, tensor: out, access: "write", ...rows },
    ],
    parameters: { count, addend },
    workgroups: count,
    flops,
    first,
  });
}

const options = { limits: typicalGpuLimits, adapterClass: "software" as const };
const transient = { category: "transient" as const };

/** A chain of sums from one end of a store to the other, through tensors of which two live at a time. */
function chain(links: number): { builder: ProgramBuilder; input: Tensor; output: Tensor } {
  const builder = new ProgramBuilder("chain", options);
  const store: Store = { name: "ends", category: "parameters", bytes: 512 };
  const end = { dtype: "f32", rows: 2, cols: 8, stride: 8, category: "parameters" } as const;
  const input: Tensor = { ...end, name: "input", home: { store, offset: 0 } };
  const output: Tensor = { ...end, name: "output", home: { store, offset: 256 } };
  let at = input;
  for (let i = 1; i <= links; i++) {
    const next = i < links ? builder.tensor(`link ${i}`, 2, 8, transient) : output;
    add(builder, at, next, i);
    at = next;
  }
  return { builder, input, output };
}

Deno.test("foldGrid() covers the count within the limit of a dimension, with less than a row to spare", () => {
  for (const count of [0, 1, 6, 7, 8, 65535, 65536, 65537, 70001, 131070, 131071, 50257 * 1024, 65535 ** 2]) {
    for (const limit of [7 * 65535, 65535]) {
      const [x, y] = foldGrid(count, limit);
      assert(x <= limit && y <= limit, `${count} is folded to ${x}×${y}`);
      assert(x * y >= count && x * y - count < Math.max(y, 1), `${count} is folded to ${x}×${y}`);
    }
  }
  assertEquals(foldGrid(65535, 65535), [65535, 1]);
  assertEquals(foldGrid(65536, 65535), [32768, 2]);
});

gpuTest("Program.run() reaches every workgroup of a grid above 65 535", async () => {
  const rows = 70001;
  await runTest(
    (t) => {
      const a = t.input("a", rows, 1, Float64Array.from({ length: rows }, (_, i) => i), { stride: 1 });
      const out = t.output("out", rows, 1, { stride: 1 });
      add(t.builder, a, out, 0.5);
      return out;
    },
    async (out, read) =>
      assertEquals(await read(out), Float64Array.from({ length: rows }, (_, i) => i + 0.5)),
  );
});

gpuTest("Program.run() binds a window of rows and leaves the others alone", async () => {
  const a = normals(192 * 4, 1);
  await runTest((t) => {
    const out = t.output("out", 192, 4);
    add(t.builder, t.input("a", 192, 4, a), out, 0, { rows: { first: 64, rows: 70 } });
    return out;
  }, async (out, read) => {
    const expected = a.map((value, i) => i >= 64 * 4 && i < 134 * 4 ? value : Math.fround(1e30));
    assertEquals(await read(out), expected);
  });
});

gpuTest("Program.run() keeps the order of dispatches where a long program is cut into submits", async () => {
  await runTest((t) => {
    const a = t.input("a", 1, 4, [1, 2, 3, 4]);
    const b = t.output("b", 1, 4);
    for (let i = 0; i < 6; i++) {
      add(t.builder, i % 2 ? b : a, i % 2 ? a : b, 10 ** i, { flops: 5e12 });
    }
    return a;
  }, async (a, read) => assertEquals([...await read(a)], [111112, 111113, 111114, 111115]));
});

/** once = a + 10 in the first run alone, every = a + 1 in all. */
function addOnce({ builder, input, output }: TestProgram) {
  const a = input("a", 1, 4, [1, 2, 3, 4]);
  const [once, every] = [output("once", 1, 4), output("every", 1, 4)];
  add(builder, a, once, 10, { first: true, label: "first" });
  add(builder, a, every, 1);
  return { a, once, every };
}

gpuTest("Program.run() leaves out what belongs to the first run in later ones", async () => {
  await runTest(addOnce, async ({ a, once, every }, read, program) => {
    assertEquals([[...await read(once)], [...await read(every)]], [[11, 12, 13, 14], [2, 3, 4, 5]]);
    program.write(a, Float32Array.of(5, 6, 7, 8));
    for (let run = 0; run < 2; run++) {
      program.run();
      assertEquals([[...await read(once)], [...await read(every)]], [[11, 12, 13, 14], [6, 7, 8, 9]]);
    }
  });
});

gpuTest(
  "Program.profile() runs what belongs to the first run if it is that, and times each dispatch",
  async () => {
    await runTest(addOnce, async ({ a, once, every }, read, program) => {
      for (const expected of [["first", "add"], ["add"]]) {
        const times = await program.profile();
        assertEquals(times.map(({ dispatch }) => dispatch.kernel.label), expected);
        assert(times.every(({ milliseconds: [ms] }) => ms > 0), "a dispatch took no time");
      }
      program.write(a, Float32Array.of(5, 6, 7, 8));
      program.run();
      assertEquals([[...await read(once)], [...await read(every)]], [[11, 12, 13, 14], [6, 7, 8, 9]]);
    }, { times: 0 });
  },
  !gpu.timestamps && "this adapter has no timestamps",
);

gpuTest("Program reuses buffers of tensors that are dead, and still computes what it says", async () => {
  const { builder, input, output } = chain(20);
  const description = builder.build();
  const stores = await storesFor(gpu, description);
  const program = await Program.create(gpu, description, stores);
  try {
    assertEquals(description.plan.slots.sizes, [256, 256]);
    const values = normals(16, 2);
    program.write(input, padRows(values, input));
    program.run();
    const got = unpadRows(await program.read(output), output);
    let expected = values;
    for (let i = 1; i <= 20; i++) expected = expected.map((value) => Math.fround(value + i));
    assertEquals(got, expected);
  } finally {
    program.destroy();
    stores.destroy();
  }
});

gpuTest("Program.create() books what createBuffer is asked for, and destroy() gives it back", async () => {
  const before = gpu.ledger.liveBytes;
  const counter = countBuffers(gpu);
  try {
    const { builder, output } = chain(5);
    const description = builder.build();
    const stores = await storesFor(gpu, description);
    const program = await Program.create(gpu, description, stores);
    assertEquals(counter.live(), description.plan.bufferBytes);
    assertEquals(gpu.ledger.liveBytes - before, description.plan.bufferBytes);
    await program.read(output);
    assertEquals(gpu.ledger.liveBytes - before, counter.live());
    program.destroy();
    stores.destroy();
    assertEquals([gpu.ledger.liveBytes - before, counter.live()], [0, 0]);
  } finally {
    counter.stop();
  }
});

gpuTest("Program.create() throws OutOfMemoryError with the bytes wanted, and keeps none", async () => {
  const before = gpu.ledger.liveBytes;
  const rows = Math.ceil((gpu.limits.maxBufferSize + 1) / 4096);
  const builder = new ProgramBuilder("too large", options);
  add(builder, builder.tensor("a", 1, 4, transient), builder.tensor("huge", rows, 1024, transient), 0);
  const description = builder.build();
  const error = await assertRejects(
    () => Program.create(gpu, description, new BufferSet<Store>(gpu)),
    OutOfMemoryError,
    "this adapter's largest buffer has",
  );
  assertEquals(error.bytesWanted, description.plan.bufferBytes);
  assertEquals(gpu.ledger.liveBytes, before);
  gpu.checkHealth();
});

gpuTest("Program.create() names the kernel that does not compile", async () => {
  const before = gpu.ledger.liveBytes;
  for (
    const code of [addText.replace("+ p.addend", "+ p.adend"), addText.replace("binding(1)", "binding(7)")]
  ) {
    const builder = new ProgramBuilder("broken", options);
    const [a, out] = ["a", "out"].map((name) => builder.tensor(name, 1, 4, transient));
    add(builder, a, out, 0, { code, label: "misspelt" });
    await assertRejects(
      () => Program.create(gpu, builder.build(), new BufferSet<Store>(gpu)),
      Error,
      'Kernel "misspelt" does not compile',
    );
  }
  assertEquals(gpu.ledger.liveBytes, before);
  gpu.checkHealth();
});

gpuTest("Program.create() names the kernel whose parameters are not those of its shader", async () => {
  const gpu = await testGpu();
  const builder = new ProgramBuilder("misnamed", options);
  const [a, out] = ["a", "out"].map((name) => builder.tensor(name, 1, 4, transient));
  add(builder, a, out, 0, { code: addText.replaceAll("addend", "summand") });
  await assertRejects(
    () => Program.create(gpu, builder.build(), new BufferSet<Store>(gpu)),
    Error,
    'Parameters of kernel "add": Field summand has no value',
  );
});

gpuTest("Program.create() rejects a store that was not made", async () => {
  const before = gpu.ledger.liveBytes;
  const description = chain(2).builder.build();
  await assertRejects(
    () => Program.create(gpu, description, new BufferSet<Store>(gpu)),
    Error,
    "No buffer was made",
  );
  assertEquals(gpu.ledger.liveBytes, before);
});
