import { ratio } from "../../src/text/format.ts";
import { lossDifferences, verdictSentences } from "../report/losses.ts";
import { names } from "../report/side_by_side.ts";
import { speedRange } from "../report/speeds.ts";
import { bytesAParameter, statesTable } from "../report/states_table.ts";
import { buffers, speed } from "../report/tables.ts";
import { code, list, pairsOf, policiesOf } from "../report/words.ts";
import { lossParts } from "./loss_parts.ts";
import { picture, sources } from "./making.ts";
import type { Reports, Sweep } from "./reports.ts";

/** Weights and moments in fewer bytes, and update in backward: bytes, speed, and whether training suffers. */
export function statesSection({ sweeps: { states, qualityStates } }: Reports): string | null {
  const table = states ? statesTable(states.comparisons, [buffers, speed]) : null;
  const saved = states && table !== null ? [sentence(states)] : [];
  const tested = qualityStates ? lossDifferences(qualityStates.comparisons) : [];
  if (saved.length === 0 && tested.length === 0) return null;
  return [
    "### State in fewer bytes",
    [...saved, ...tested.length > 0 ? [verdictSentences(tested)] : []].join(" "),
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

/** "Weights, moments and gradients … take 16.00 B a parameter under `exact`; `exact-8bit-all` takes 0.31× of that at 0.98× of its speed" */
function sentence({ comparisons: [comparison] }: Sweep): string {
  const policies = policiesOf([comparison]);
  const told = policies.flatMap((policy) =>
    pairsOf([comparison], policy).flatMap(({ own, base }) => {
      const [bytes, all] = [own, base].map(bytesAParameter);
      if (own === base || bytes === null || !all) return [];
      const speed = speedRange([comparison], policy);
      return [{ policy: code(policy), bytes: ratio(bytes / all), speed }];
    })
  );
  const first = told.findIndex(({ speed }) => speed);
  const others = told.map(({ policy, bytes, speed }, i) => {
    const taken = i === 0 ? ` takes ${bytes} of that` : ` ${bytes}`;
    return `${policy}${taken}${speed ? ` at ${speed}${i === first ? " of its speed" : ""}` : ""}`;
  });
  const [{ base }] = pairsOf([comparison], policies[0]);
  return `Weights, moments and the gradients of the live peak take ${
    bytesAParameter(base)?.toFixed(2)
  } B a parameter under ${code(base.configuration.policy)} (${names(comparison).join(", ")} tokens); ${
    list(others)
  }.`;
}
