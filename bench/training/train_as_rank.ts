import type { Variants } from "../../src/gpu/builder.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { type Ranks, toldBy } from "../../src/ranks/ranks.ts";
import { cardId } from "../machine/card.ts";
import { Interruption } from "../machine/interruption.ts";
import { withRoom } from "../machine/room.ts";
import { sharedCards } from "../processes/shared_cards.ts";
import { prepareRun } from "./prepare_run.ts";
import { remoteTeller, silentTeller } from "./teller.ts";
import { trainRun } from "./train_run.ts";
import type { TrainingRun } from "./training_run.ts";

/** What ranks are told of a training run. */
export interface RankRun {
  readonly run: TrainingRun;
  readonly variants: Variants;
  /** Whether what is told comes to a terminal. */
  readonly isTerminal: boolean;
  /** The built-in text, where no other is trained on. */
  readonly text?: Uint8Array<ArrayBuffer>;
}

/** Trains as one of several ranks, of which the first tells how it goes. All end early where one is asked to, by `asked` or by a signal. */
export async function trainAsRank(
  { run, variants, isTerminal, text }: RankRun,
  ranks: Ranks,
  asked: AbortSignal,
): Promise<boolean> {
  const first = ranks.rank === 0;
  const teller = first ? remoteTeller(isTerminal) : silentTeller;
  const prepared = await prepareRun(run, { text, saves: first });
  const gpu = await withRoom(await openGpu(run, ranks));
  const own = { host: Deno.hostname(), card: await cardId(gpu.adapter.name) };
  for (const sentence of sharedCards(toldBy(ranks, own))) teller.say(sentence);
  const interruption = new Interruption();
  try {
    await trainRun(prepared, gpu, {
      variants,
      teller,
      signal: AbortSignal.any([asked, interruption.signal]),
    });
  } finally {
    interruption.stop();
  }
  gpu.destroy();
  return true;
}
