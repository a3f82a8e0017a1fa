import { bytes, number, ratio } from "../../src/text/format.ts";
import { describeChoices } from "../../src/train/step_choices.ts";
import { longest, searchesOf } from "../report/peer_lengths.ts";
import { fullNameOfRow } from "../report/peer_records.ts";
import { code, table } from "../report/words.ts";
import { nameOfLength } from "../sweep/shapes.ts";
import { sources } from "./making.ts";
import { type Reports, type Sweep, sweepsOn } from "./reports.ts";

/** The longest sequence that a way to train took on a card, with a step of it. */
interface Longest {
  readonly program: "Headroom" | "PyTorch";
  readonly way: string;
  readonly tokens: number;
  readonly memory: number;
  readonly speed: number;
}

/** How long a sequence of Llama's each program trained, in what memory and how fast, on one kind of card. */
export function longestSection({ sweeps, peers: { llama } }: Reports): string | null {
  if (!llama) return null;
  const own = sweepsOn(llama.adapter, [sweeps.longest24, sweeps.ranksOne]);
  const [searched] = searchesOf(llama.rows).searches;
  if (!searched || own.length === 0) return null;
  const [[{ model }]] = searched;
  const theirs = searched.flatMap((search): Longest[] => {
    const row = longest(search);
    return row?.speed && row.peakBytes
      ? [{
        ...{ program: "PyTorch", way: fullNameOfRow(row), tokens: row.sequence },
        ...{ memory: row.peakBytes, speed: row.speed.median },
      }]
      : [];
  });
  const ways = own.flatMap((sweep) => waysOf(sweep, model));
  const all = [...ways, ...theirs].toSorted((a, b) => b.tokens - a.tokens);
  const [ours, other] = (["Headroom", "PyTorch"] as const).map((one) =>
    all.find(({ program }) => program === one)
  );
  if (!ours || !other) return null;
  return [
    "### Long sequences beside PyTorch",
    `The longest sequence of ${model} on one ${llama.adapter} is ${
      reach(ours)
    } by Headroom (${ours.way}), and ${reach(other)} by PyTorch (${other.way}): **${
      ratio(ours.tokens / other.tokens)
    }** as long, at ${ratio(ours.speed / other.speed)} of its tokens/s there.`,
    table(
      ["", "way", "longest", "memory", "tokens/s"],
      all.map(({ program, way, tokens, memory, speed }) => [
        ...[program, way, number(tokens), bytes(memory), number(speed)],
      ]),
      2,
    ),
    sources(...own, llama),
  ].join("\n\n");
}

const reach = ({ tokens, memory }: Longest) => `${number(tokens)} tokens in ${bytes(memory)}`;

function waysOf({ comparisons }: Sweep, model: string): Longest[] {
  return comparisons.filter(({ batch, sequence, model: name }) =>
    batch === 1 && (name === model || name === nameOfLength(model, sequence))
  )
    .flatMap(({ sequence, choices, cells }) =>
      [...cells].flatMap(([policy, { memory, tokensPerSecond, configuration: { arithmetic } }]) =>
        memory && tokensPerSecond
          ? [{
            program: "Headroom" as const,
            way: [code(policy), ...describeChoices({ ...choices, arithmetic })].join(", "),
            ...{ tokens: sequence, memory: memory.bufferBytes, speed: tokensPerSecond },
          }]
          : []
      )
    );
}
