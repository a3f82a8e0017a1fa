import { integer, message, text, type ValueParser, type ValueParserResult } from "@optique/core";
import { UserError } from "../../src/errors.ts";
import { bytes } from "../../src/text/format.ts";
import { oneOf } from "../../src/suggest.ts";

/** A word of a set; one that `check` refuses with a UserError gets that message, and completion offers the set. */
export function word<Name extends string>(
  metavar: Uppercase<string>,
  known: readonly Name[],
  check: (name: string) => unknown = (name) => oneOf(metavar.toLowerCase(), name, known),
): ValueParser<"sync", Name> {
  return {
    mode: "sync",
    metavar: metavar as "NAME",
    placeholder: known[0],
    choices: known,
    parse(input): ValueParserResult<Name> {
      try {
        check(input);
        return { success: true, value: input as Name };
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

/** Values with commas between them, such as "4,16". */
export function list<T>(item: ValueParser<"sync", T>): ValueParser<"sync", T[]> {
  return {
    mode: "sync",
    metavar: item.metavar,
    placeholder: [item.placeholder],
    choices: item.choices?.map((choice) => [choice]),
    parse(input): ValueParserResult<T[]> {
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

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Bytes, such as "8GiB". */
export const size: ValueParser<"sync", number> = {
  mode: "sync",
  metavar: "SIZE",
  placeholder: 2 ** 30,
  parse(input): ValueParserResult<number> {
    const [, number, unit] = input.match(/^(\d+(?:\.\d+)?) ?([KMGT]iB|B)$/) ?? [];
    if (Number(number) > 0) return { success: true, value: Number(number) * 1024 ** units.indexOf(unit) };
    return {
      success: false,
      error: message`"${text(input)}" is no size; give a number and a unit, as in 8GiB`,
    };
  },
  format: bytes,
};

/** A share of something that is not all of it. */
export const share: ValueParser<"sync", number> = {
  mode: "sync",
  metavar: "SHARE",
  placeholder: 0.1,
  parse(input): ValueParserResult<number> {
    const value = input.trim() === "" ? NaN : Number(input);
    if (value >= 0 && value < 1) return { success: true, value };
    return {
      success: false,
      error: message`"${text(input)}" is no share; give a number from 0 to below 1, as in 0.1`,
    };
  },
  format: String,
};

/** A whole number of at least `min`. */
export const whole = (min: number) => integer({ min, metavar: "N" });
