import { bytes, number, ratio } from "../../src/text/format.ts";
import { describeChoices } from "../../src/train/step_choices.ts";
import { longest, searchesOf } from "../report/peer_lengths.ts";
import { fullNameOfRow } from "../report/peer_records.ts";
import { code, range, table } from "../report/words.ts";
import { nameOfLength } from "../sweep/shapes.ts";
import { sources } from "./making.ts";
import { type Reports, type Sweep, sweepsOn } from "./reports.ts";

/** A sequence that a way to train took on a card, with a step of it: of PyTorch's the longest of a search. */
interface Longest {
  readonly program: "Headroom" | "PyTorch";
  readonly way: string;
  readonly tokens: number;
  /** The shortest that was tried and does not fit, where one was: of Headroom's none. */
  readonly beyond?: number;
  readonly memory: number;
  readonly speed: number;
}

/** How long a sequence of a Llama each program trained within so much memory, and how fast, on one kind of card. */
export function longestSection({ sweeps, peers: { llama } }: Reports): string | null {
  if (!llama) return null;
  const limit = memoryTold(llama.commands[0]);
  const [searched] = searchesOf(llama.rows).searches;
  if (limit === null || !searched) return null;
  const [[{ model }]] = searched;
  const own = sweepsOn(llama.adapter, [sweeps.longest24]);
  const ways = own.flatMap((sweep) => waysOf(sweep, model))
    .filter(({ memory }) => memory <= limit);
  const theirs = searched.flatMap((search): Longest[] => {
    const row = longest(search);
    const beyond = search.find(({ failure, sequence }) =>
      failure?.status === "oom" && sequence > (row?.sequence ?? 0)
    )
      ?.sequence;
    return row?.speed && row.peakBytes
      ? [{
        ...{ program: "PyTorch", way: fullNameOfRow(row), tokens: row.sequence, beyond },
        ...{ memory: row.peakBytes, speed: row.speed.median },
      }]
      : [];
  });
  const all = [...ways, ...theirs].toSorted((a, b) => b.tokens - a.tokens);
  const [ours, other] = (["Headroom", "PyTorch"] as const).map((one) =>
    all.find(({ program }) => program === one)
  );
  if (!ours || !other) return null;
  const times = [other.beyond ?? other.tokens, other.tokens].map((tokens) => ours.tokens / tokens);
  const failed = other.beyond ? ` (${number(other.beyond)} ran out of memory)` : "";
  const longer = other.tokens > ours.tokens;
  const faster = other.speed > ours.speed
    ? ` **PyTorch is the better choice** in ${longer ? "length and " : ""}speed: its step runs at ${
      number(other.speed)
    } tokens/s, ${ratio(other.speed / ours.speed)} of the ${number(ours.speed)} here.`
    : longer
    ? ` **PyTorch is the better choice** in length: a step here runs at ${
      number(ours.speed)
    } tokens/s, its own at ${number(other.speed)}.`
    : ` A step here runs at ${number(ours.speed)} tokens/s, PyTorch's at ${number(other.speed)}.`;
  return [
    "### Long sequences beside PyTorch",
    `Within ${bytes(limit)} of one ${llama.adapter} Headroom trained a sequence of ${
      number(ours.tokens)
    } tokens of ${model}, and the longest that PyTorch did has ${number(other.tokens)}${failed}: **${
      range(times, ratio)
    }** as long.${faster}`,
    `Headroom's way is ${ours.way}; PyTorch's is ${other.way}.${
      theirs.some(({ way }) => way.includes("int8")) ? "" : ` ${wider}`
    } Nothing here shows that training so ends as well.`,
    table(
      ["", "way", "tokens", "does not fit", "memory", "tokens/s"],
      all.map(({ program, way, tokens, beyond, memory, speed }) => [
        ...[program, way, number(tokens), beyond ? number(beyond) : "–", bytes(memory), number(speed)],
      ]),
      2,
    ),
    counted,
    sources(...own, llama),
  ].join("\n\n");
}

const wider =
  "What `mst8` keeps of a block in 8 bits, its input, PyTorch keeps in 16 or more in all these rows.";

const counted =
  "Each speed is that of one step or two. Headroom's memory is that of its buffers, PyTorch's `torch.cuda.max_memory_allocated`, which is below " +
  "what its allocator reserves, and that is what the limit holds for. A length beside which none stands that does not fit is not known to be the " +
  "longest: Headroom's was given, and PyTorch's search ended where a step would have taken longer than its `--patience`.";

/** The bytes that PyTorch was given by its command; null where it had the whole card. */
function memoryTold(command: string): number | null {
  const told = command.match(/--memory[= ]([\d.]+)/)?.[1];
  return told === undefined ? null : Number(told) * 2 ** 30;
}

function waysOf({ comparisons }: Sweep, model: string): Longest[] {
  return comparisons.filter(({ batch, sequence, model: name }) =>
    batch === 1 && (name === model || name === nameOfLength(model, sequence))
  )
    .flatMap(({ sequence, choices, cells }) =>
      [...cells].flatMap(([policy, { memory, tokensPerSecond, failure, configuration: { arithmetic } }]) =>
        memory && tokensPerSecond && !failure
          ? [{
            program: "Headroom" as const,
            way: [code(policy), ...describeChoices({ ...choices, arithmetic })].join(", "),
            ...{ tokens: sequence, memory: memory.bufferBytes, speed: tokensPerSecond },
          }]
          : []
      )
    );
}
