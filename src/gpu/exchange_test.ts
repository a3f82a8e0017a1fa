import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  gpuTest,
  normals,
  runTest,
  storesFor,
  testGpu,
  type TestProgram,
} from "../../kernels/testing/testing.ts";
import { clear } from "../../kernels/optimizer/clear.ts";
import { materialize } from "../../kernels/shared/materialize.ts";
import { builderOptionsFor, ProgramBuilder } from "./builder.ts";
import type { Exchange } from "./exchange.ts";
import { plain } from "./operand.ts";
import { wholly } from "./pieces.ts";
import { Program } from "./program.ts";
import { allToAll, gathers } from "./over_ranks.ts";
import { StepTimer } from "./timing.ts";
import { rowsOf, type Tensor } from "./tensor.ts";

const gpu = await testGpu();

/** Ten times what left, in the same order. */
const tenfold: Exchange["carry"] = (_, left, arrived) => left.forEach((x, i) => arrived[i] = 10 * x);

const copy = (builder: ProgramBuilder, from: Tensor, to: Tensor) => materialize(builder, plain(from), to);

/** b = a, then b's second row and its first leave and come back tenfold, and c = b. */
function turnedOver({ builder, input, output }: TestProgram) {
  const a = input("a", 2, 4, [1, 2, 3, 4, 5, 6, 7, 8]);
  const [b, c] = [output("b", 2, 4), output("c", 2, 4)];
  copy(builder, a, b);
  const rows = [1, 0].map((row) => ({ tensor: b, offset: 16 * row, bytes: 16 }));
  builder.exchange({ name: "turn", leaves: rows, arrives: [wholly(b)], carry: tenfold });
  copy(builder, b, c);
  return { a, b, c };
}

gpuTest(
  "Program.run() sends pieces off in their order and goes on with what arrives, every time",
  async () => {
    await runTest(turnedOver, async ({ a, c }, read, program) => {
      assertEquals([...await read(c)], [50, 60, 70, 80, 10, 20, 30, 40]);
      program.write(a, Float32Array.of(0, 0, 0, 1, 2, 0, 0, 0));
      await program.run();
      assertEquals([...await read(c)], [20, 0, 0, 0, 0, 0, 0, 10]);
      const { count, bytes, map, transfer, write } = program.takeExchangeTimes();
      assertEquals([count, bytes], [2, 64]);
      assert([map, transfer, write].every((ms) => ms > 0), "an exchange took no time");
      assertEquals(program.takeExchangeTimes().count, 0);
    });
  },
);

gpuTest("The runs of a piece leave, arrive and stay one after the other", async () => {
  await runTest((t) => {
    const [a, b, c] = ["a", "b", "c"].map((name) => t.output(name, 4, 4));
    copy(t.builder, t.input("input", 4, 4, Array.from({ length: 16 }, (_, i) => i)), a);
    clear(t.builder, b);
    const rows = (tensor: Tensor, first: number, apart: number) => ({
      ...{ tensor, offset: 16 * first, bytes: 16, runs: 2, stride: 16 * apart },
    });
    t.builder.exchange({
      ...{ name: "turn", leaves: [rows(a, 1, 2)], arrives: [rows(b, 0, 1)], carry: tenfold },
      stays: { copies: [{ from: rows(a, 0, 2), to: rows(b, 2, 1) }], late: true },
    });
    copy(t.builder, b, c);
    return c;
  }, async (c, read) => {
    const rows = [[4, 10], [12, 10], [0, 1], [8, 1]];
    const wanted = rows.flatMap(([first, times]) => [0, 1, 2, 3].map((i) => times * (first + i)));
    assertEquals([...await read(c)], wanted);
  });
});

gpuTest("A program that begins and ends with an exchange writes the times of its begin and end", async () => {
  await runTest((t) => {
    const [a, b] = [t.output("a", 64, 64), t.output("b", 64, 64)];
    t.builder.exchange({ name: "", leaves: [wholly(a)], arrives: [wholly(a)], carry() {} });
    copy(t.builder, a, b);
    t.builder.exchange({ name: "", leaves: [wholly(b)], arrives: [wholly(b)], carry() {} });
  }, async (_, __, program) => {
    if (!gpu.timestamps) return;
    const timer = await StepTimer.create(gpu, 2);
    try {
      for (const step of [0, 1]) await program.run(timer.writes(step));
      const own = await timer.durations();
      assert(own.every((ms) => ms > 0 && ms < 60_000), `steps of ${own.join(" and ")} ms`);
    } finally {
      timer.destroy();
    }
  });
});

gpuTest("An exchange tells what the card computed before it apart from what it waited for else", async () => {
  await runTest((t) => {
    const [a, b] = [t.output("a", 512, 512), t.output("b", 512, 512)];
    for (let i = 0; i < 40; i++) copy(t.builder, i % 2 ? b : a, i % 2 ? a : b);
    for (const tensor of [a, b]) {
      t.builder.exchange({ name: "", leaves: [wholly(tensor)], arrives: [wholly(tensor)], carry() {} });
    }
    copy(t.builder, a, t.output("after", 512, 512));
  }, async (_, __, program) => {
    program.startExchangeTimes();
    assertEquals(program.takeExchangeTimes().count, 0);
    const started = performance.now();
    await program.run();
    const elapsed = performance.now() - started;
    const { count, compute, map, transfer, write } = program.takeExchangeTimes();
    assertEquals(count, 2);
    if (!gpu.timestamps) return assertEquals(compute, null);
    assert(compute! > 0 && map > 0, "nothing was computed, or mapped in no time");
    const parts = compute! + map + transfer + write;
    assert(parts <= elapsed, `${parts} ms in parts, ${elapsed} ms together`);
  });
});

gpuTest(
  "Program.run() exchanges in the micro-batch that an exchange belongs to, and in no other",
  async () => {
    await runTest((t) => {
      const sum = t.input("sum", 1, 4, [1, 2, 3, 4]);
      clear(t.builder, t.output("other", 1, 4));
      t.builder.within(
        { microBatch: "last" },
        () => t.builder.exchange({ name: "", leaves: [wholly(sum)], arrives: [wholly(sum)], carry: tenfold }),
      );
      const after = t.output("after", 1, 4);
      copy(t.builder, sum, after);
      return after;
    }, async (after, read, program) => {
      assertEquals(program.run(undefined, { first: true, last: false }), undefined);
      assertEquals([...await read(after)], [1, 2, 3, 4]);
      await program.run(undefined, { first: false, last: true });
      assertEquals([...await read(after)], [10, 20, 30, 40]);
      await assertRejects(() => program.profile(), Error, "is not profiled");
    }, { times: 0 });
  },
);

/**
 * What a program does, one after the other, in which 64 rows of a tensor are exchanged, from `first` on, and two dispatches follow, which read as
 * many of it from `row` on, or of another, and all of it.
 */
async function orderOf(
  { homed, first = 0, row }: { homed: boolean; first?: number; row?: number },
): Promise<string[]> {
  const order: string[] = [];
  await runTest((t) => {
    const store = { name: "home", category: "gradients", bytes: 128 * 16 } as const;
    const all = t.builder.tensor("all", 128, 4, { category: "gradients" });
    const exchanged = homed ? { ...all, home: { store, offset: 0 } } : all;
    const pieces = [{ tensor: exchanged, offset: 16 * first, bytes: 64 * 16 }];
    const carry = () => void order.push("carried");
    t.builder.exchange({ name: "", leaves: pieces, arrives: pieces, carry });
    const other = row === undefined ? t.input("other", 64, 4, normals(256, 1)) : rowsOf(exchanged, row, 64);
    copy(t.builder, other, t.output("first", 64, 4));
    copy(t.builder, exchanged, t.output("last", 128, 4));
  }, async (_, __, program) => {
    const { prototype } = GPUComputePassEncoder;
    const dispatch = prototype.dispatchWorkgroups;
    prototype.dispatchWorkgroups = function (...sizes) {
      order.push("dispatched");
      return dispatch.apply(this, sizes);
    };
    try {
      await program.run();
    } finally {
      prototype.dispatchWorkgroups = dispatch;
    }
  }, { times: 0 });
  return order;
}

gpuTest(
  "What does not touch what arrives at home computes beside the exchange, and nothing else does",
  async () => {
    const [at, behind] = [["dispatched", "carried", "dispatched"], ["carried", "dispatched", "dispatched"]];
    assertEquals(await orderOf({ homed: true }), at);
    for (const first of [0, 64]) {
      assertEquals(await orderOf({ homed: true, first, row: 64 - first }), at);
      assertEquals(await orderOf({ homed: true, first, row: first }), behind);
    }
    assertEquals(await orderOf({ homed: false }), behind);
  },
);

/** A chain of which b leaves and c arrives, both of as many bytes; `after` says what follows. */
function recorded(after: (builder: ProgramBuilder, c: Tensor) => void = () => {}) {
  const builder = new ProgramBuilder("exchange", builderOptionsFor(gpu));
  const tensor = (name: string) => builder.tensor(name, 16, 16, { category: "transient" });
  const [a, b, c, d, e] = [..."abcde"].map(tensor);
  copy(builder, a, b);
  builder.exchange({ name: "there", leaves: [wholly(b)], arrives: [wholly(c)], carry: tenfold });
  copy(builder, c, d);
  copy(builder, d, e);
  after(builder, c);
  return builder.build();
}

gpuTest("A tensor that leaves gives its memory to the one that arrives, and staging is booked", async () => {
  const description = recorded();
  const { plan, standing, claims } = description;
  const lives = claims.map(({ name, first, last }) => [name, first, last]);
  assertEquals(lives.toSorted(), [
    ["a", 0, 0],
    ["b", 0, 0],
    ["c", 1, 1],
    ["d", 1, 2],
    ["e", 2, 2],
  ]);
  assertEquals(standing.filter(({ name }) => name.startsWith("what ")).map(({ bytes }) => bytes), [
    1024 + 32,
    1024,
  ]);
  const before = gpu.ledger.liveBytes;
  const stores = await storesFor(gpu, description);
  const program = await Program.create(gpu, description, stores);
  assertEquals(gpu.ledger.liveBytes - before, plan.bufferBytes);
  program.destroy();
  stores.destroy();
  assertEquals(gpu.ledger.liveBytes, before);
});

gpuTest("An exchange of a recomputation is left out where nobody wants what arrives", () => {
  const exchangesOf = (reads: boolean) =>
    recorded((builder, c) => {
      const [again, last] = ["again", "last"].map((name) =>
        builder.tensor(name, 16, 16, { category: "transient" })
      );
      builder.within({ pass: "recompute" }, () => {
        builder.exchange({ name: "again", leaves: [wholly(c)], arrives: [wholly(again)], carry: tenfold });
      });
      if (reads) copy(builder, again, last);
    }).exchanges.map(({ name, before }) => [name, before]);
  assertEquals(exchangesOf(true), [["there", 1], ["again", 3]]);
  assertEquals(exchangesOf(false), [["there", 1]]);
  return Promise.resolve();
});

gpuTest("gathers() send a rank's part of each tensor, and all others' arrive in its place", () => {
  const builder = new ProgramBuilder("gathers", builderOptionsFor(gpu));
  const all = gathers(builder, 1, 96);
  for (const [i, rows] of [1, 1, 3].entries()) {
    const tensor = builder.tensor(`${i}`, 3 * rows, 4, { category: "parameters" });
    all.add([0, 1, 2].map((part) => ({ tensor, offset: 16 * rows * part, bytes: 16 * rows })));
  }
  all.end();
  all.end();
  const told = (pieces: Exchange["leaves"]) =>
    pieces.map(({ tensor, offset, bytes }) => `${tensor.name} ${offset} ${bytes}`).join(", ");
  assertEquals(
    builder.build().exchanges.map(({ name, leaves, arrives }) => [name, told(leaves), told(arrives)]),
    [
      ["parts of 0 to 1", "0 16 16, 1 16 16", "0 0 16, 1 0 16, 0 32 16, 1 32 16"],
      ["parts of 2", "2 48 32", "2 0 32, 2 96 32"],
      ["parts of 2", "2 80 16", "2 32 16, 2 128 16"],
    ],
  );
  return Promise.resolve();
});

gpuTest(
  "allToAll() of more than may be staged takes several goes, as many as the longest anywhere",
  async () => {
    await runTest((t) => {
      const [a, b] = [t.output("a", 6, 4), t.output("b", 6, 4)];
      copy(t.builder, t.input("input", 6, 4, normals(24, 1)), a);
      const [near, far] = [
        [{ tensor: a, offset: 16, bytes: 16 }, { tensor: a, offset: 64, bytes: 32 }],
        [{ tensor: a, offset: 0, bytes: 16 }],
      ];
      const back = [[{ tensor: b, offset: 0, bytes: 48 }], [{ tensor: b, offset: 48, bytes: 16 }]];
      allToAll(t.builder, "a to b", { leaves: [near, far], arrives: back }, 64, 44);
      copy(t.builder, b, t.output("after", 6, 4));
      return b;
    }, async (b, read, program) => {
      const { exchanges } = program.description;
      const lengths = (pieces: readonly { bytes: number }[]) => pieces.map(({ bytes }) => bytes);
      assertEquals(exchanges.map(({ leaves }) => lengths(leaves)), [[16, 4, 16], [20], [8], []]);
      assertEquals(exchanges.map(({ arrives }) => lengths(arrives)), [[20, 16], [20], [8], []]);
      const values = normals(24, 1);
      const rows = [1, 4, 5, 0].flatMap((row) => [...values.subarray(4 * row, 4 * row + 4)]);
      assertEquals([...(await read(b)).subarray(0, 16)], rows);
    });
  },
);

gpuTest("What leaves behind another exchange lives beside what that one brought", () => {
  const builder = new ProgramBuilder("exchange", builderOptionsFor(gpu));
  const tensor = (name: string) => builder.tensor(name, 16, 16, { category: "transient" });
  const [a, b, c, d, e] = [..."abcde"].map(tensor);
  clear(builder, a);
  clear(builder, c);
  for (const [from, to] of [[a, b], [c, d]]) {
    builder.exchange({ name: "there", leaves: [wholly(from)], arrives: [wholly(to)], carry: tenfold });
  }
  copy(builder, b, e);
  copy(builder, d, e);
  const lives = builder.build().claims.map(({ name, first, last }) => [name, first, last]);
  assertEquals(lives.toSorted(), [["a", 0, 1], ["b", 2, 2], ["c", 1, 2], ["d", 2, 3], ["e", 2, 3]]);
  return Promise.resolve();
});

for (const late of [false, true]) {
  gpuTest(
    `What stays on the card goes to its new place${late ? ", late" : ""}, in another buffer`,
    async () => {
      const row = (tensor: Tensor, at: number) => ({ tensor, offset: 16 * at, bytes: 16 });
      const emit = (builder: ProgramBuilder, [a, b, c, d]: Tensor[]) => {
        copy(builder, a, b);
        builder.exchange({
          ...{ name: "turn", leaves: [row(b, 0)], arrives: [row(c, 1)], carry: tenfold },
          stays: { copies: [{ from: row(b, 1), to: row(c, 0) }], late },
        });
        copy(builder, c, d);
      };
      await runTest((t) => {
        const outputs = ["b", "c", "d"].map((name) => t.output(name, 2, 4));
        emit(t.builder, [t.input("a", 2, 4, [1, 2, 3, 4, 5, 6, 7, 8]), ...outputs]);
        return outputs[2];
      }, async (d, read) => assertEquals([...await read(d)], [5, 6, 7, 8, 10, 20, 30, 40]));
      const builder = new ProgramBuilder("stays", builderOptionsFor(gpu));
      clear(builder, builder.tensor("large", 99, 4, { category: "transient" })); // all others would fit in its buffer
      emit(builder, [..."abcd"].map((name) => builder.tensor(name, 2, 4, { category: "transient" })));
      const { claims, tensors, plan: { slots: { assignment } } } = builder.build();
      const lives = claims.map(({ name, first, last }) => [name, first, last]);
      assertEquals(lives.filter(([name]) => name === "b" || name === "c").toSorted(), [
        ["b", 1, late ? 2 : 1],
        ["c", late ? 2 : 1, 2],
      ]);
      const [b, c] = ["b", "c"].map((name) =>
        assignment[tensors.findIndex((tensor) => tensor.name === name)]
      );
      assert(b !== c, "what stays is copied within a buffer");
    },
  );
}
