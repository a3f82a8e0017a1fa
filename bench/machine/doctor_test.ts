import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { AdapterReport } from "../../src/adapter/adapter.ts";
import { canRun } from "./diagnosis.ts";
import type { MachineFacts } from "./machine_facts.ts";
import { describeMachine } from "./machine_page.ts";

const llvmpipe: AdapterReport = {
  runtime: "native",
  class: "software",
  name: "llvmpipe (LLVM 15.0.6, 256 bits)",
  slug: "llvmpipe",
  vendor: "Mesa",
  driver: null,
  features: ["shader-f16", "timestamp-query"],
  limits: {
    maxBufferSize: 2 ** 31 - 1,
    maxStorageBufferBindingSize: 2 ** 27,
    maxStorageBuffersPerShaderStage: 32,
    maxComputeInvocationsPerWorkgroup: 1024,
    maxComputeWorkgroupStorageSize: 32768,
  },
};

const h200: AdapterReport = {
  ...llvmpipe,
  class: "gpu",
  name: "NVIDIA H200",
  slug: "nvidia-h200",
  vendor: "NVIDIA",
  driver: "NVIDIA 580.95.05",
};

const bare: MachineFacts = {
  deno: "2.9.6",
  system: "linux x86_64, Debian GNU/Linux 12 (bookworm)",
  processors: 2,
  memory: { total: 8 * 2 ** 30, available: 6 * 2 ** 30 },
  survey: { cards: [], deviceFiles: [], loader: null, manifests: [], nvidiaDriver: null },
  nvidiaSmi: ["not installed"],
  nvidiaCards: 0,
  runtime: "native",
  choice: "auto",
  adapter: null,
  matrices: [],
  swiftShader: { runs: true, folder: "/home/ada/.cache/headroom/swiftshader-153.0.0", unpacked: false },
};

function value(page: string, name: string): string | undefined {
  return page.split("\n").find((line) => line.startsWith(`${name}  `))?.slice(name.length).trim();
}

Deno.test("describeMachine() announces SwiftShader on a bare machine, and what would be faster", () => {
  const page = describeMachine(bare);
  assertEquals(value(page, "Vulkan loader"), "none found");
  assertEquals(value(page, "Adapter"), "SwiftShader, which the next command unpacks from npm (67 MB)");
  assertEquals(value(page, "Why"), "no Vulkan driver answers");
  assertStringIncludes(page, "apt install libvulkan1 mesa-vulkan-drivers");
});

Deno.test("describeMachine() shows limits and features of the adapter that answers", () => {
  const page = describeMachine({ ...bare, adapter: llvmpipe });
  assertEquals(value(page, "Class"), "software adapter: not a performance result");
  assertEquals(value(page, "Largest binding"), "128 MiB");
  assertEquals(value(page, "Workgroup"), "1024 invocations, 32 KiB memory");
  assertEquals(value(page, "Features"), "timestamp-query yes, shader-f16 yes, subgroups no");
});

Deno.test("describeMachine() has no advice for a hardware GPU", () => {
  const survey = { ...bare.survey, cards: [{ vendor: "NVIDIA" as const, at: "0000:0f:00.0" }] };
  const nvidiaSmi = ["NVIDIA H200, driver 580.95.05, 143771 MiB, 4 MiB in use"];
  const page = describeMachine({ ...bare, survey, nvidiaSmi, nvidiaCards: 1, adapter: h200 });
  assertEquals(value(page, "Taken"), undefined);
  assertEquals(value(page, "GPU"), "NVIDIA at 0000:0f:00.0");
  assertEquals(value(page, "nvidia-smi"), nvidiaSmi[0]);
  assertEquals(value(page, "Driver"), "NVIDIA 580.95.05");
  assert(!page.includes("\n\n"));
});

Deno.test("describeMachine() says which card of how many is taken, and how to take another", () => {
  const cards = [0, 1, 2, 3].map((bus) => ({ vendor: "NVIDIA" as const, at: `0000:0${bus}:00.0` }));
  const page = (visible: number[], changes: Partial<MachineFacts> = {}) =>
    describeMachine({
      ...bare,
      survey: { ...bare.survey, cards, deviceFiles: visible.map((minor) => `/dev/nvidia${minor}`) },
      nvidiaCards: 4,
      adapter: h200,
      ...changes,
    });
  const several = page([0, 1], { nvidiaCards: 2 });
  assertEquals(
    value(several, "Taken"),
    "the first that Vulkan lists, of 2; /dev/nvidia0, /dev/nvidia1",
  );
  assertStringIncludes(several, "docs/many-machines.md says how (CUDA_VISIBLE_DEVICES does nothing)");
  const confined = page([0, 1, 2, 3], { nvidiaCards: 1 });
  assertEquals(value(confined, "Taken"), "the one that nvidia-smi lists, of 4; the others are hidden");
  const hidden = page([2], { nvidiaCards: 0 });
  assertEquals(value(hidden, "Taken"), "/dev/nvidia2, of 4; the others are hidden");
  assert(!hidden.includes("\n\n"));
  const mixed = [cards[0], { vendor: "Intel" as const, at: "0000:09:00.0" }];
  const survey = { ...bare.survey, cards: mixed, deviceFiles: ["/dev/nvidia0", "/dev/dri/renderD128"] };
  assertEquals(
    value(page([], { survey, nvidiaCards: 1 }), "Taken"),
    "the first that Vulkan lists, of 2; /dev/nvidia0",
  );
});

Deno.test("describeMachine() says how to wake an idle card", () => {
  const survey = { ...bare.survey, cards: [{ vendor: "AMD" as const, at: "0000:03:00.0" }] };
  const page = describeMachine({ ...bare, survey, adapter: llvmpipe });
  assertStringIncludes(
    page,
    "For results that count: an AMD GPU (0000:03:00.0) is present, but no Vulkan driver answers",
  );
});

Deno.test("describeMachine() says that the wanted adapter does not answer", () => {
  const page = describeMachine({ ...bare, choice: "gpu", adapter: llvmpipe });
  assertEquals(value(page, "Wanted"), "gpu (HEADROOM_ADAPTER or --require-gpu)");
  assertEquals(value(page, "Adapter"), "none");
  assertEquals(value(page, "Why"), "only llvmpipe (LLVM 15.0.6, 256 bits) answers");
  assertEquals(value(page, "Class"), undefined);
  assertStringIncludes(page, "No hardware GPU answered, only llvmpipe");
});

Deno.test("describeMachine() warns about another version of Deno", () => {
  assertEquals(value(describeMachine({ ...bare, deno: "2.4.0" }), "Deno"), "2.4.0 (tested with 2.9.6)");
});

Deno.test("canRun() tells whether the next command has an adapter: the wanted one, or SwiftShader that it brings", () => {
  const withoutSwiftShader = { ...bare.swiftShader, runs: false };
  assert(canRun(bare));
  assert(canRun({ ...bare, choice: "gpu", adapter: h200 }));
  assert(canRun({ ...bare, adapter: llvmpipe, swiftShader: withoutSwiftShader }));
  assert(canRun({ ...bare, choice: "swiftshader", adapter: llvmpipe }));
  assert(!canRun({ ...bare, choice: "gpu" }));
  assert(!canRun({ ...bare, choice: "gpu", adapter: llvmpipe }));
  assert(!canRun({ ...bare, choice: "llvmpipe" }));
  assert(!canRun({ ...bare, swiftShader: withoutSwiftShader }));
});

const underDawn: MachineFacts = { ...bare, runtime: "dawn" };

Deno.test("describeMachine() tells under Dawn which matrices subgroups have, or that they have none", () => {
  const size = { M: 16, N: 16, K: 16, componentType: "f16" };
  const matrices = ["f16", "f32"].map((resultComponentType) => ({ ...size, resultComponentType }));
  const adapter: AdapterReport = { ...h200, runtime: "dawn" };
  assertEquals(
    value(describeMachine({ ...underDawn, adapter, matrices }), "Matrices"),
    "16 × 16 × 16 f16 to f16 or f32",
  );
  assertStringIncludes(value(describeMachine({ ...underDawn, adapter }), "Matrices")!, "none: ");
  assertEquals(value(describeMachine({ ...bare, adapter: h200 }), "Matrices"), undefined);
});

Deno.test("describeMachine() says why Dawn cannot be loaded, and that nothing runs", () => {
  const runtimeFault = "Dawn could not be loaded: check the network";
  const facts = { ...underDawn, runtimeFault };
  assert(!canRun(facts));
  assertStringIncludes(describeMachine(facts), `\n${runtimeFault}.`);
});

Deno.test("describeMachine() names who brings a llvmpipe that Dawn takes", () => {
  assertStringIncludes(
    describeMachine({ ...underDawn, choice: "llvmpipe" }),
    "Mesa 22.3: run the command by .ci/lavapipe",
  );
  assertStringIncludes(describeMachine(underDawn), "run by .ci/lavapipe");
});
