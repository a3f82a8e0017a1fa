import { z } from "zod";
import { type AdapterReport, isWanted, noAdapterMessage } from "../../src/adapter/adapter.ts";
import { driverRemedy } from "../../src/adapter/driver_survey.ts";
import { type MachineFacts, machineFacts } from "./machine_facts.ts";

/** What `doctor --json` prints. */
export const diagnosis = z.object({
  runs: z.boolean().describe("whether the next command has an adapter to run on"),
  wanted: z.string().nullable().describe("the name of the wanted adapter; null where none answers"),
  why: z.string(),
  advice: z.array(z.string()).describe("what to do"),
  ...machineFacts.shape,
}).meta({ title: "Diagnosis", description: "Which adapter would run, and why" });

export type Diagnosis = z.infer<typeof diagnosis>;

/** What the facts of one machine mean. */
export function diagnose(facts: MachineFacts): Diagnosis {
  const wanted = wantedAdapter(facts);
  return {
    runs: canRun(facts),
    wanted: wanted?.name ?? null,
    why: reason(facts, wanted),
    advice: advice(facts, wanted),
    ...facts,
  };
}

/** Whether the adapter that is wanted answers, or the next command brings it. */
export function canRun(facts: MachineFacts): boolean {
  return wantedAdapter(facts) !== null || swiftShaderComes(facts);
}

/** The adapter that answered, if it is wanted. */
export function wantedAdapter({ adapter, choice }: MachineFacts): AdapterReport | null {
  return adapter && isWanted(choice, adapter) ? adapter : null;
}

/** Whether the next command brings SwiftShader, which works here. */
export function swiftShaderComes({ runtimeFault, choice, adapter, swiftShader }: MachineFacts): boolean {
  const works = swiftShader.runs && (runtimeFault ?? swiftShader.fault) === undefined;
  return works && (choice === "swiftshader" || choice === "auto" && !adapter);
}

/**
 * Which card of how many a run takes, and whether it could take another; null where there is one at most. What is hidden by a cgroup still has its file in /dev, but `nvidia-smi` lists it
 * no more; without `nvidia-smi` the files count.
 */
export function takenCard(
  { survey: { cards, deviceFiles }, nvidiaCards }: MachineFacts,
): { readonly card: string; readonly chosen: boolean } | null {
  const files = deviceFiles.filter((path) => /\/nvidia\d+$/.test(path));
  const onBus = cards?.filter(({ vendor }) => vendor === "NVIDIA").length ?? 0;
  const others = (cards?.length ?? 0) - onBus;
  const open = nvidiaCards || files.length;
  const all = Math.max(open, onBus, files.length) + others;
  if (all <= 1) return null;
  if (open + others === 1) {
    const name = files.length === 1 ? files[0] : "the one that nvidia-smi lists";
    return { card: `${name}, of ${all}; the others are hidden`, chosen: false };
  }
  const seen = files.length > 0 ? `; ${files.join(", ")}` : "";
  return { card: `the first that Vulkan lists, of ${open + others}${seen}`, chosen: true };
}

function reason(
  { runtime, runtimeFault, choice, adapter }: MachineFacts,
  wanted: AdapterReport | null,
): string {
  if (runtimeFault) return "the runtime cannot be loaded";
  const under = runtime === "dawn" ? " Dawn" : "";
  if (choice !== "auto") {
    return wanted
      ? "as wanted"
      : adapter
      ? `only ${adapter.name} answers`
      : `no Vulkan driver answers${under}`;
  }
  if (!wanted) return `no Vulkan driver answers${under}`;
  if (wanted.class === "gpu") return "a hardware GPU answers";
  if (wanted.slug === "swiftshader") return `no installed Vulkan driver answers${under}`;
  return "no hardware GPU answers, this software adapter is installed";
}

function advice(facts: MachineFacts, wanted: AdapterReport | null): string[] {
  const { survey, runtime, runtimeFault, choice, adapter, swiftShader } = facts;
  if (runtimeFault) return [`${runtimeFault}.`];
  const sentences: string[] = [];
  const idle = wanted?.class !== "gpu" && driverRemedy(survey);
  if (idle) sentences.push(`For results that count: ${idle}.`);
  if (!wanted && (choice !== "auto" && choice !== "swiftshader" || !swiftShader.runs)) {
    sentences.push(`${noAdapterMessage(choice, adapter, survey, runtime)}.`);
  }
  if (wanted?.class === "gpu" && takenCard(facts)?.chosen) {
    sentences.push(
      "To take another card, hide the others from the process: docs/many-machines.md says how (CUDA_VISIBLE_DEVICES does nothing).",
    );
  }
  const slow = choice === "auto" && (wanted?.slug === "swiftshader" || !wanted && swiftShader.runs);
  if (slow) {
    sentences.push(
      runtime === "dawn"
        ? "For a software adapter that is faster and has matrices: run by .ci/lavapipe, which brings Mesa 26's."
        : "For a software adapter several times faster: apt install libvulkan1 mesa-vulkan-drivers (Debian, Ubuntu).",
    );
  }
  return sentences;
}
