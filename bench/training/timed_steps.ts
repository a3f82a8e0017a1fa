import type { AdapterReport } from "../../src/adapter/adapter.ts";
import type { ExchangeTimes } from "../../src/gpu/exchange.ts";
import type { StepBatches, StepTimes, TrainingSession } from "../../src/train/session.ts";
import { ringLength } from "../../src/train/task.ts";
import { CardWatch } from "../machine/card.ts";
import type { CardState } from "../results/results.ts";

/** A GPU that idled while its process started is slow until its clock has risen: so long it warms up, whatever the steps asked for. */
const warmUpMilliseconds = 500;

/** Batches that are timed in turn: making an image costs the processor more than it costs a GPU to learn from it. */
const timedBatches = 4;

/** What a session must be able to do to be timed. */
type Timed =
  & Pick<TrainingSession, "step" | "losses" | "timedSteps">
  & { readonly gpu: { readonly adapter: Pick<AdapterReport, "class"> } };

/**
 * Trains `warmupSteps` steps, on a GPU over and over until its clock has risen (none if there are none), then times `timedSteps`. Losses
 * are read between windows of as many steps as may wait, outside the times. Meanwhile `readCard` is asked for the card's state; where its
 * first answer is late, further steps keep the card busy until then. `now` tells milliseconds. Where several processes take turns, `turns.next`
 * is waited for before every so many timed steps; ranks `agree` on what depends on time.
 */
export async function timeSteps(
  session: Timed,
  batches: { next(): StepBatches },
  { warmupSteps, timedSteps }: { warmupSteps: number; timedSteps: number },
  { now = () => performance.now(), readCard, turns, agree = (own) => own }: {
    now?: () => number;
    /** Whether to go on, where ranks must do alike. */
    agree?: (own: boolean) => boolean;
    readCard?: () => Promise<CardState | null>;
    turns?: { steps: number; next: () => Promise<void> };
  } = {},
): Promise<StepTimes & { card?: CardState }> {
  const some = Array.from({ length: Math.min(timedBatches, timedSteps) }, () => batches.next());
  const take = (first: number, count: number) =>
    Array.from({ length: count }, (_, i) => some[(first + i) % some.length]);
  const warmUp = session.gpu.adapter.class === "gpu" ? warmUpMilliseconds : 0;
  const until = now() + warmUp;
  if (warmupSteps > 0) {
    do {
      for (const [first, count] of windows(warmupSteps)) {
        for (const batch of take(first, count)) session.step(batch);
        await session.losses();
      }
    } while (agree(now() < until));
  }
  const stepMilliseconds: number[] = [];
  const exchanges: ExchangeTimes[] = [];
  let clock: "gpu" | "wall" = "gpu";
  // A card that nothing has warmed up is read once the steps themselves have.
  const watch = readCard &&
    new CardWatch(readCard, { afterMilliseconds: warmupSteps > 0 ? 0 : warmUp });
  for (const [first, count] of windows(timedSteps, Math.min(ringLength, turns?.steps ?? ringLength))) {
    if (first > 0) await session.losses();
    await turns?.next();
    const window = await session.timedSteps(take(first, count));
    stepMilliseconds.push(...window.stepMilliseconds);
    exchanges.push(...window.exchanges ?? []);
    if (window.clock === "wall") clock = "wall";
  }
  while (agree(watch?.isWaiting ?? false)) {
    await session.losses();
    session.step(some[0]);
  }
  const card = await watch?.stop();
  return { stepMilliseconds, clock, ...exchanges.length > 0 && { exchanges }, ...card && { card } };
}

/** Steps cut into windows, at the most of as many as may wait for their losses to be read: the first of each, and how many. */
function* windows(steps: number, most = ringLength): Generator<[first: number, count: number]> {
  for (let first = 0; first < steps; first += most) yield [first, Math.min(most, steps - first)];
}
