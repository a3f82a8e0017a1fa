import { assertEquals } from "@std/assert";
import { ranksTest } from "../../src/ranks/testing.ts";
import { testGpu } from "../../kernels/testing/testing.ts";
import { fakeConfiguration } from "../results/testing.ts";
import { runInChild } from "../sweep/child.ts";
import { withFolder } from "../testing/folder.ts";
import { withPrograms } from "../testing/programs.ts";
import { sharedCards } from "./shared_cards.ts";

const text = new TextEncoder().encode("A text that is long enough to train on. ".repeat(40));

/** The script that hides cards, for cards that are files of a folder. */
async function ownCard(folder: string): Promise<string> {
  const script = await Deno.readTextFile(new URL("../../.ci/own-card", import.meta.url));
  return script.replace("/dev/nvidia", `${folder}/nvidia`);
}

/** The cards of a cell's two ranks, which `launcher` starts, and what is said of them. */
async function cardsOf(launcher: string): Promise<{ cards: (string | null)[]; told: string[] }> {
  const size = { sequence: 16, batch: 2, timedSteps: 1, warmupSteps: 0, qualitySteps: 0, ranks: 2 };
  const configuration = fakeConfiguration(size);
  const limits = { askDriver: true, timeoutSeconds: 100, signal: new AbortController().signal };
  Deno.env.set("HEADROOM_MPIRUN", launcher);
  try {
    const { measurement } = await runInChild({ configuration, paths: {}, text, requireGpu: false }, limits);
    assertEquals([measurement.status, measurement.ranks?.length], ["ok", 2], measurement.message ?? "");
    return { cards: measurement.ranks!.map(({ card }) => card), told: sharedCards(measurement.ranks) };
  } finally {
    Deno.env.delete("HEADROOM_MPIRUN");
  }
}

const canHide = await new Deno.Command("unshare", {
  args: ["--mount", "mount", "--bind", "/dev/null", "/dev/null"],
  stderr: "null",
}).output().then(({ success }) => success, () => false);

ranksTest(
  "Ranks that see the same cards are told to share one, and not where own-card hides the others",
  () =>
    withFolder(async (folder) => {
      for (const card of [2, 5]) await Deno.writeTextFile(`${folder}/nvidia${card}`, `GPU-${card}\n`);
      await Deno.writeTextFile(`${folder}/own-card`, await ownCard(folder), { mode: 0o755 });
      const { name } = (await testGpu()).adapter;
      const driver = `case "$1" in --query-gpu=uuid,*) sed 's/$/, ${name}/' ${folder}/nvidia* ;; esac`;
      await withPrograms({ "nvidia-smi": driver }, async () => {
        const sentence =
          `Ranks 0 and 1 share one card of ${Deno.hostname()}: give each its own, as docs/ranks.md says`;
        assertEquals(await cardsOf("mpirun"), { cards: ["GPU-2", "GPU-2"], told: [sentence] });
        const own = await cardsOf(`mpirun -n {ranks} ${folder}/own-card`);
        assertEquals(own, { cards: ["GPU-2", "GPU-5"], told: [] });
      });
    }),
  !canHide && "mounts need root",
);
