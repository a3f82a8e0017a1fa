import { UserError } from "../../src/errors.ts";

const begin = "<!-- results:begin -->\n<!-- deno-fmt-ignore-start -->\n\n";
const end = "\n\n<!-- deno-fmt-ignore-end -->\n<!-- results:end -->";

/** A README with other results between its markers. Throws a UserError if it has none. */
export function withResults(readme: string, results: string): string {
  const [start, stop] = [readme.indexOf(begin), readme.indexOf(end)];
  if (start < 0 || stop < start) {
    throw new UserError(
      "README.md has no place for results: put back the markers results:begin and results:end",
    );
  }
  return readme.slice(0, start) + begin + results + readme.slice(stop);
}

/** The results between a README's markers. Throws a UserError if it has none. */
export function resultsOf(readme: string): string {
  withResults(readme, "");
  return readme.slice(readme.indexOf(begin) + begin.length, readme.indexOf(end));
}
