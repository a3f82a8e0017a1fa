import { formatMessage, message, text, type ValueParser, type ValueParserResult } from "@optique/core";
import { z } from "zod";
import { largestSeed } from "../../src/data/random.ts";
import { UserError } from "../../src/errors.ts";
import { bytes } from "../../src/text/format.ts";
import { must, oneOfWords } from "../../src/json_document.ts";
import { oneOf } from "../../src/suggest.ts";

/** A value of the command line. */
export interface Value<T> extends ValueParser<"sync", T> {
  /** What it is in JSON; left out, the text that stands on the command line. */
  readonly schema?: z.ZodType<T>;
}

/** A value in JSON, as documents hold it. */
export function inJson<T>(value: Value<T>): z.ZodType<T> {
  return value.schema ??
    z.union([z.string(), z.number()], must("a text or a number")).transform((given, context) => {
      const result = value.parse(String(given));
      if (result.success) return result.value;
      context.addIssue(`cannot be taken: ${formatMessage(result.error, { quotes: false })}`);
      return z.NEVER;
    });
}

/** A word of a set, which a message for any other tells and completion offers. */
export function word<Name extends string>(metavar: Uppercase<string>, known: readonly Name[]): Value<Name> {
  return {
    mode: "sync",
    schema: oneOfWords(known),
    metavar: metavar as "NAME",
    placeholder: known[0],
    choices: known,
    parse(input): ValueParserResult<Name> {
      try {
        return { success: true, value: oneOf(metavar.toLowerCase(), input, known) };
      } catch (error) {
        if (error instanceof UserError) return { success: false, error: message`${text(error.message)}` };
        throw error;
      }
    },
    format: (value) => value,
    *suggest(prefix) {
      for (const name of known) if (name.startsWith(prefix)) yield { kind: "literal", text: name };
    },
  };
}

/** Values with commas between them, such as "4,16"; what is a value as a whole, such as the path of a file, may have some of its own. */
export function list<T>(item: ValueParser<"sync", T>): ValueParser<"sync", T[]> {
  return {
    mode: "sync",
    metavar: item.metavar,
    placeholder: [item.placeholder],
    choices: item.choices?.map((choice) => [choice]),
    parse(input): ValueParserResult<T[]> {
      const single = item.parse(input);
      if (single.success) return { success: true, value: [single.value] };
      const values: T[] = [];
      for (const piece of input.split(",")) {
        const result = item.parse(piece.trim());
        if (!result.success) return result;
        values.push(result.value);
      }
      return { success: true, value: values };
    },
    format: (values) => values.map((value) => item.format(value)).join(","),
    *suggest(prefix) {
      const done = prefix.slice(0, prefix.lastIndexOf(",") + 1);
      for (const suggestion of item.suggest?.(prefix.slice(done.length)) ?? []) {
        if (suggestion.kind === "literal") yield { ...suggestion, text: done + suggestion.text };
      }
    },
  };
}

/** A number that must be of a kind: whatever `read` makes no number of is refused as none, with the remedy. */
function numeric(
  metavar: Uppercase<string>,
  [kind, remedy]: [kind: string, remedy: string],
  placeholder: number,
  read: (input: string) => number,
  format: (value: number) => string = String,
  schema?: z.ZodType<number>,
): Value<number> {
  return {
    mode: "sync",
    schema,
    metavar: metavar as "N",
    placeholder,
    parse(input): ValueParserResult<number> {
      const value = input.trim() === "" ? NaN : read(input);
      if (!Number.isNaN(value)) return { success: true, value };
      return { success: false, error: message`"${text(input)}" is no ${text(kind)}; give ${text(remedy)}` };
    },
    format,
  };
}

/** The number that a text is, if `holds` says so; else NaN. */
const where = (holds: (value: number) => boolean) => (input: string) =>
  holds(Number(input)) ? Number(input) : NaN;

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Whole bytes, as many as can be counted, such as "8GiB". */
export const size = numeric(
  "SIZE",
  ["size from 1B to 8191TiB", "a number and B, KiB, MiB, GiB or TiB, as in 8GiB"],
  2 ** 30,
  (input) => {
    const [, number, unit] = input.match(/^(\d+(?:\.\d+)?) ?([KMGT]iB|B)$/) ?? [];
    const value = Math.floor(Number(number) * 1024 ** units.indexOf(unit));
    return value > 0 && value <= Number.MAX_SAFE_INTEGER ? value : NaN;
  },
  bytes,
);

/** Part of something that is neither nothing nor all of it, such as "0.5%". */
export const percent = numeric("PERCENT", ["percentage", "one below 100%, as in 0.5%"], 0.005, (input) => {
  const [, number] = input.match(/^(\d+(?:\.\d+)?) ?%$/) ?? [];
  const value = Number(number) / 100;
  return value > 0 && value < 1 ? value : NaN;
}, (value) => `${100 * value}%`);

const seconds: Record<string, number> = { s: 1, min: 60, h: 3600 };

/** Seconds, such as "5min". */
export const span = numeric("TIME", ["time", "a number and s, min or h, as in 5min"], 60, (input) => {
  const [, number, unit] = input.match(/^(\d+(?:\.\d+)?) ?(s|min|h)$/) ?? [];
  const value = Number(number) * seconds[unit];
  return value > 0 && value <= Number.MAX_SAFE_INTEGER ? value : NaN;
}, (value) => `${value} s`);

/** A share of something that is not all of it. */
export const share = numeric(
  "SHARE",
  ["share", "a number from 0 to below 1, as in 0.1"],
  0.1,
  where((value) => value >= 0 && value < 1),
);

/** What may be lost at most: none, or any share, such as "3%". */
export const allowance = numeric(
  "PERCENT",
  ["percentage", "a number and %, as in 3%"],
  0.01,
  (input) => /^\d+(\.\d+)? ?%$/.test(input.trim()) ? parseFloat(input) / 100 : NaN,
  (value) => `${+(100 * value).toPrecision(12)}%`,
);

/** A number of at least 0 that kernels can hold: in f32 it must neither be infinite nor vanish. */
export const nonNegative = numeric(
  "X",
  ["amount that f32 can hold", "0 or a number from 1e-45 to 3.4e38"],
  1,
  where((value) => value === 0 || value > 0 && Math.fround(value) > 0 && Math.fround(value) < Infinity),
);

/** The largest whole number that is taken where nothing smaller is said: kernels count in 32 bits with a sign. */
const largestWhole = 2 ** 31 - 1;

/** A part of a whole, such as "2/4": the second of four. */
export const shard: ValueParser<"sync", { index: number; of: number }> = {
  mode: "sync",
  metavar: "I/N",
  placeholder: { index: 1, of: 1 },
  parse(input): ValueParserResult<{ index: number; of: number }> {
    const [, index, of] = input.match(/^(\d{1,4})\/(\d{1,4})$/)?.map(Number) ?? [];
    if (index >= 1 && index <= of) return { success: true, value: { index, of } };
    const error = message`"${
      text(input)
    }" is no shard; give its number, from 1, and how many there are, as in 2/4`;
    return { success: false, error };
  },
  format: ({ index, of }) => `${index}/${of}`,
};

/** A whole number of at least `min`. */
export function whole(min: number, max = largestWhole): Value<number> {
  const remedy = `one from ${min} to ${max}`;
  const words = must(`a whole number from ${min} to ${max}`);
  return numeric(
    "N",
    ["whole number in range", remedy],
    min,
    (input) => {
      const value = /^\d+$/.test(input.trim()) ? Number(input) : NaN;
      return value >= min && value <= max ? value : NaN;
    },
    String,
    z.int(words).min(min, words).max(max, words),
  );
}

/** A seed of random numbers. */
export const seed = whole(0, largestSeed);
