import { ratio } from "../../src/text/format.ts";
import { costSentence, lossDifferences, verdictSentence } from "../report/losses.ts";
import { names } from "../report/side_by_side.ts";
import { speedRange } from "../report/speeds.ts";
import { bytesAParameter, statesTable } from "../report/states_table.ts";
import { buffers, speed } from "../report/tables.ts";
import { code, list, pairsOf, paragraph, policiesOf } from "../report/words.ts";
import { lossParts } from "./loss_parts.ts";
import { picture, sources } from "./making.ts";
import type { Reports, Sweep } from "./reports.ts";

/** Weights and moments in fewer bytes, and update in backward: bytes, speed, and whether training suffers. */
export function statesSection({ sweeps: { states, qualityStates } }: Reports): string | null {
  const table = states ? statesTable(states.comparisons, [buffers, speed]) : null;
  const saved = states && table !== null ? savings(states) : null;
  const tested = qualityStates ? lossDifferences(qualityStates.comparisons) : [];
  if (saved === null && tested.length === 0) return null;
  return [
    "### State in fewer bytes",
    ...paragraph(saved?.answer ?? null, tested.length > 0 ? verdictSentence(tested) : null),
    ...paragraph(saved?.detail ?? null, costSentence(tested)),
    ...states && table !== null ? [table, sources(states)] : [],
    ...qualityStates && tested.length > 0
      ? [
        ...lossParts(qualityStates.comparisons),
        sources(qualityStates),
        picture(qualityStates, "loss_difference.svg", "Training loss less that of exact from the same seeds"),
      ]
      : [],
  ].join("\n\n");
}

/**
 * "Weights, moments and gradients … take 16.00 B a parameter under `exact`, and least under `exact-8bit-all`: 0.31× of that, at 0.98× of its
 * speed."; and the same of the others.
 */
function savings({ comparisons: [comparison] }: Sweep): { answer: string; detail: string | null } | null {
  const policies = policiesOf([comparison]);
  const told = policies.flatMap((policy) =>
    pairsOf([comparison], policy).flatMap(({ own, base }) => {
      const [bytes, all] = [own, base].map(bytesAParameter);
      if (own === base || bytes === null || !all) return [];
      const speed = speedRange([comparison], policy);
      return [{ policy: code(policy), share: bytes / all, at: speed ? ` at ${speed}` : "" }];
    })
  );
  if (told.length === 0) return null;
  const least = told.reduce((one, other) => other.share < one.share ? other : one);
  const ofSpeed = (at: string) => at && `${at} of its speed`;
  const others = told.filter((one) => one !== least)
    .map(({ policy, share, at }, i) =>
      i === 0
        ? `${policy} takes ${ratio(share)} of these bytes${ofSpeed(at)}`
        : `${policy} ${ratio(share)}${at}`
    );
  const [{ base }] = pairsOf([comparison], policies[0]);
  return {
    answer: `Weights, moments and the gradients of the live peak take ${
      bytesAParameter(base)?.toFixed(2)
    } B a parameter under ${code(base.configuration.policy)} (${
      names(comparison).join(", ")
    } tokens), and least under ${least.policy}: ${ratio(least.share)} of that${ofSpeed(least.at)}.`,
    detail: others.length > 0 ? `${list(others)}.` : null,
  };
}
