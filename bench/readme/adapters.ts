import { table } from "../report/words.ts";
import type { Entry } from "./reports_index.ts";

/**
 * The adapters that reports are of, by adapter, driver and runtime (software adapters last, of one kind the latest first): what was
 * measured there, in how many reports, of which models, and when last.
 */
export function adaptersTable(entries: readonly Entry[]): string {
  const own = entries.filter(({ measured }) => measured.length > 0);
  const groups = Map.groupBy(
    own,
    ({ adapter, driver, runtime }) => JSON.stringify([adapter, driver, runtime]),
  );
  const rows = [...groups.values()].map((of) => {
    const [{ adapter, driver, runtime, software }] = of;
    const last = of.map(({ date }) => date).toSorted().at(-1)!;
    return { of, adapter, driver, runtime, software, last };
  }).toSorted((a, b) =>
    Number(a.software) - Number(b.software) || b.last.localeCompare(a.last, "en") ||
    a.adapter.localeCompare(b.adapter, "en") || a.runtime.localeCompare(b.runtime, "en")
  );
  return table(
    ["adapter", "driver", "runtime", "what was measured", "models", "last"],
    rows.map(({ of, adapter, driver, runtime, software, last }) => [
      software ? `${adapter}, on the processor` : adapter,
      driver ?? "not told",
      runtime,
      told(of.flatMap(({ measured }) => measured)),
      [...new Set(of.flatMap(({ models }) => models === "" ? [] : models.split(", ")))].join(", "),
      last,
    ]),
    5,
  );
}

/** "a (2 reports), b": each once, the most frequent first. */
function told(all: readonly string[]): string {
  const counts = Map.groupBy(all, (one) => one);
  return [...counts].toSorted(([, a], [, b]) => b.length - a.length)
    .map(([one, of]) => of.length > 1 ? `${one} (${of.length} reports)` : one).join(", ");
}
