import type { AdapterChoice, AdapterReport } from "../../src/adapter/adapter.ts";
import type { Runtime } from "../../src/adapter/runtime.ts";
import type { MatrixConfig } from "../../src/gpu/arithmetic.ts";
import { bytes } from "../../src/text/format.ts";
import { diagnose, swiftShaderComes, takenCard, wantedAdapter } from "./diagnosis.ts";
import type { MachineFacts } from "./machine_facts.ts";

/** The version of Deno that the project is tested with. */
const testedDeno = "2.9.6";

/** The page of one machine: a name and a value a line, then what to do. */
export function describeMachine(facts: MachineFacts): string {
  const { survey, swiftShader, choice } = facts;
  const wanted = wantedAdapter(facts);
  const taken = takenCard(facts);
  const { why, advice } = diagnose(facts);
  const rows: [string, string][] = [
    ["Deno", facts.deno + (facts.deno === testedDeno ? "" : ` (tested with ${testedDeno})`)],
    ["System", facts.system],
    ["Processors", String(facts.processors)],
    ["Memory", `${bytes(facts.memory.total)}, ${bytes(facts.memory.available)} available`],
    ...several(
      "GPU",
      survey.cards?.map((card) => `${card.vendor} at ${card.at}`) ?? ["unknown"],
      "none found",
    ),
    ...several("nvidia-smi", facts.nvidiaSmi, "no answer"),
    ...(taken ? [["Taken", taken.card] as [string, string]] : []),
    ["Vulkan loader", survey.loader ?? "none found"],
    ...several("Vulkan drivers", survey.manifests, "none found"),
    [
      "SwiftShader",
      swiftShader.fault ??
        `${swiftShader.unpacked ? "unpacked in" : "not unpacked; cache folder"} ${swiftShader.folder}`,
    ],
    ["Runtime", runtimeNames[facts.runtime]],
    ["Wanted", wantedBy[choice]],
    ["Adapter", wanted?.name ?? comingAdapter(facts)],
    ["Why", why],
  ];
  if (wanted) rows.push(...adapterRows(wanted));
  if (wanted?.runtime === "dawn") rows.push(["Matrices", describeMatrices(facts.matrices)]);
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => (name.padEnd(width) + value).trimEnd());
  return [...lines, ...advice.map((sentence) => `\n${sentence}`)].join("\n");
}

const wantedBy: Record<AdapterChoice, string> = {
  auto: "any adapter, a hardware GPU first",
  gpu: "gpu (HEADROOM_ADAPTER or --require-gpu)",
  llvmpipe: "llvmpipe (HEADROOM_ADAPTER)",
  swiftshader: "swiftshader (HEADROOM_ADAPTER)",
};

const runtimeNames: Record<Runtime, string> = {
  native: "native, Deno's own; --runtime dawn asks Dawn, from npm",
  dawn: "dawn, from npm (HEADROOM_RUNTIME or --runtime)",
};

/** "16 × 16 × 16 f16 to f16 or f32": sizes and elements of what subgroups multiply as one. */
function describeMatrices(configs: readonly MatrixConfig[]): string {
  const kinds = Map.groupBy(
    configs,
    ({ M, N, K, componentType }) => `${M} × ${N} × ${K} ${componentType}`,
  );
  const told = [...kinds].map(([kind, results]) =>
    `${kind} to ${results.map(({ resultComponentType }) => resultComponentType).join(" or ")}`
  );
  return told.join(", ") || "none: subgroups have no tensor cores here, so products are f32's, as natively";
}

function adapterRows(
  { class: adapterClass, vendor, driver, limits, features }: AdapterReport,
): [string, string][] {
  const state = (name: string) => `${name} ${features.includes(name) ? "yes" : "no"}`;
  return [
    ["Class", adapterClass === "gpu" ? "hardware GPU" : "software adapter: not a performance result"],
    ["Vendor", vendor],
    ...(driver ? [["Driver", driver] as [string, string]] : []),
    ["Largest buffer", bytes(limits.maxBufferSize)],
    ["Largest binding", bytes(limits.maxStorageBufferBindingSize)],
    ["Storage buffers", `${limits.maxStorageBuffersPerShaderStage} a kernel`],
    [
      "Workgroup",
      `${limits.maxComputeInvocationsPerWorkgroup} invocations, ${
        bytes(limits.maxComputeWorkgroupStorageSize)
      } memory`,
    ],
    ["Features", ["timestamp-query", "shader-f16", "subgroups"].map(state).join(", ")],
  ];
}

/** What the next command would do where no wanted adapter answers. */
function comingAdapter(facts: MachineFacts): string {
  return swiftShaderComes(facts) ? "SwiftShader, which the next command unpacks from npm (67 MB)" : "none";
}

/** One row a value, the name in the first only. */
function several(name: string, values: string[], none: string): [string, string][] {
  return (values.length > 0 ? values : [none]).map((value, index) => [index === 0 ? name : "", value]);
}
