import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import {
  adapterChoice,
  adapterLine,
  type AdapterReport,
  chooseAdapter,
  folderSlug,
  isWanted,
  noAdapterMessage,
  reportAdapter,
} from "./adapter.ts";
import type { DriverSurvey } from "./driver_survey.ts";

const noCards: DriverSurvey = { cards: [], deviceFiles: [], loader: null, manifests: [], nvidiaDriver: null };

function pretendAdapter(description: string, vendor: number, isFallbackAdapter = false): GPUAdapter {
  return {
    info: { description, vendor: String(vendor), isFallbackAdapter },
    features: new Set(["timestamp-query", "shader-f16"]),
    limits: { maxBufferSize: 1024 },
  } as unknown as GPUAdapter;
}

/** Of the runtime that needs no addon, and of a driver's version. */
const told = (version: string | null) => ({
  runtime: "native" as const,
  driverVersion: () => Promise.resolve(version),
});

function report(description: string, vendor: number, isFallbackAdapter = false): Promise<AdapterReport> {
  return reportAdapter(pretendAdapter(description, vendor, isFallbackAdapter), told(null));
}

Deno.test("reportAdapter() describes a hardware GPU", async () => {
  const adapter = pretendAdapter("NVIDIA H200", 0x10de);
  assertEquals(await reportAdapter(adapter, told("580.95.05")), {
    runtime: "native",
    class: "gpu",
    name: "NVIDIA H200",
    slug: "nvidia-h200",
    vendor: "NVIDIA",
    driver: "NVIDIA 580.95.05",
    features: ["shader-f16", "timestamp-query"],
    limits: { maxBufferSize: 1024 },
  });
});

Deno.test("reportAdapter() tells software by the runtime's flag or by the name", async () => {
  assertEquals((await report("Some new rasterizer", 0, true)).class, "software");
  for (
    const name of [
      "llvmpipe (LLVM 15.0.6, 256 bits)",
      "SwiftShader Device (Subzero)",
      "Virtio-GPU Venus (llvmpipe (LLVM 19.1.7, 256 bits))",
      "Microsoft Basic Render Driver",
    ]
  ) assertEquals((await report(name, 0)).class, "software", name);
  for (
    const name of [
      "Apple M3 Max",
      "AMD Radeon RX 7900 XTX (RADV NAVI31)",
      "Intel(R) Arc(tm) A770 Graphics (DG2)",
    ]
  ) {
    assertEquals((await report(name, 0)).class, "gpu", name);
  }
});

Deno.test("reportAdapter() makes slugs that are fit for folder names", async () => {
  assertEquals((await report("llvmpipe (LLVM 15.0.6, 256 bits)", 0x10005)).slug, "llvmpipe");
  assertEquals((await report("SwiftShader Device (Subzero)", 0x1ae0)).slug, "swiftshader");
  assertEquals((await report("AMD Radeon RX 7900 XTX (RADV NAVI31)", 0x1002)).slug, "amd-radeon-rx-7900-xtx");
  assertEquals((await report("Intel(R) UHD Graphics 620 (KBL GT2)", 0x8086)).slug, "intel-uhd-graphics-620");
  assertEquals((await report("", 0)).slug, "unnamed-adapter");
});

Deno.test("adapterLine() brands a software adapter", async () => {
  assertEquals(adapterLine(await report("Apple M3", 0x106b)), "Adapter: Apple M3, hardware GPU");
  assertStringIncludes(
    adapterLine(await report("llvmpipe", 0x10005)),
    "software adapter: not a performance result",
  );
});

Deno.test("isWanted() takes software only where the choice allows it", async () => {
  const llvmpipe = await report("llvmpipe (LLVM 15.0.6, 256 bits)", 0x10005);
  const wanted = (["auto", "gpu", "llvmpipe", "swiftshader"] as const).map((choice) =>
    isWanted(choice, llvmpipe)
  );
  assertEquals(wanted, [true, false, true, false]);
});

Deno.test("adapterChoice() takes the known words and names them for any other", () => {
  assertEquals(adapterChoice(""), "auto");
  assertEquals(adapterChoice("SwiftShader"), "swiftshader");
  assertThrows(
    () => adapterChoice("lvmpipe"),
    UserError,
    'Unknown HEADROOM_ADAPTER "lvmpipe"; did you mean "llvmpipe"?',
  );
});

/** The sentence of the runtime that needs no addon. */
const messageOf = (...[choice, seen, survey]: Parameters<typeof noAdapterMessage>) =>
  noAdapterMessage(choice, seen, survey, "native");

Deno.test("noAdapterMessage() names what answered instead, and the idle card", async () => {
  const seen = await report("llvmpipe", 0x10005);
  assertStringIncludes(
    messageOf("gpu", seen, noCards),
    "No hardware GPU answered, only llvmpipe; this machine shows none",
  );
  const withCard: DriverSurvey = { ...noCards, cards: [{ vendor: "AMD", at: "0000:03:00.0" }] };
  for (const choice of ["gpu", "auto"] as const) {
    assertStringIncludes(messageOf(choice, null, withCard), "an AMD GPU (0000:03:00.0) is present");
  }
});

Deno.test("noAdapterMessage() says that Dawn refuses a llvmpipe, and who brings another", () => {
  assertStringIncludes(
    noAdapterMessage("llvmpipe", null, noCards, "dawn"),
    "did not answer Dawn, which refuses that of Debian 12's Mesa 22.3: run the command by .ci/lavapipe",
  );
  assertStringIncludes(noAdapterMessage("gpu", null, noCards, "dawn"), "No hardware GPU answered Dawn; ");
});

Deno.test("adapterLine() and folderSlug() tell the runtime where it is not Deno's own", async () => {
  const native = await report("Apple M3", 0x106b);
  const dawn = { ...native, runtime: "dawn" as const };
  assertEquals(adapterLine(dawn), "Adapter: Apple M3 under Dawn, hardware GPU");
  assertEquals([native, dawn].map(folderSlug), ["apple-m3", "apple-m3-dawn"]);
});

Deno.test("noAdapterMessage() sends to doctor where nobody may look for a card", () => {
  for (const choice of ["gpu", "auto"] as const) {
    const message = messageOf(choice, null, { ...noCards, cards: null });
    assertStringIncludes(message, "`deno task doctor` says whether this machine has a card");
  }
});

Deno.test("chooseAdapter() gives an adapter with a report that survives JSON", async () => {
  const { adapter, report } = await chooseAdapter();
  assertEquals(JSON.parse(JSON.stringify(report)), report);
  assertEquals(report.limits.maxBufferSize, adapter.limits.maxBufferSize);
  assert(report.limits.maxComputeInvocationsPerWorkgroup > 0);
});
