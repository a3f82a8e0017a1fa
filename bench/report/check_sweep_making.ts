import { type CellRecord, runtimeOf } from "../results/results.ts";
import type { SweepHeader } from "../results/run_header.ts";
import { comparisonOf } from "../sweep/shards.ts";
import { processName } from "../results/process_name.ts";
import { type Finding, finding } from "./finding.ts";

/** Whether all have one adapter, driver, version and text, those of the header, and none began before the sweep. */
export function checkMaking(header: SweepHeader | null, records: readonly CellRecord[]): Finding {
  const environments = [...header ? [header] : [], ...records].map(({ environment }) => environment);
  const kinds: [string, (string | null)[]][] = [
    ["adapters", environments.map(({ adapter }) => adapter)],
    ["classes of adapters", environments.map(({ adapterClass }) => adapterClass)],
    ["drivers", environments.map(({ driver }) => driver)],
    ["runtimes", environments.map(runtimeOf)],
    ["versions of Deno", environments.map(({ deno }) => deno)],
    ["commits", environments.map(({ commit }) => commit)],
    ["states of the checkout", environments.map(({ dirty }) => dirtyWords[`${dirty}`])],
    ...machines(header, records),
    ["texts", records.flatMap(({ data }) => data.kind === "text" ? data.digest : [])],
    ["sets of images", imageSets(records)],
    ...baselines(header, records),
  ];
  const told = header && new Set(header.data.map(({ digest }) => digest));
  const strangers = told ? records.filter(({ data }) => !told.has(data.digest)) : [];
  const early = header
    ? records.filter(({ started }) => Date.parse(started) < Date.parse(header.started))
    : [];
  return finding(
    [
      ...kinds.flatMap(([name, values]) => {
        const distinct = [...new Set(values)];
        return distinct.length > 1 ? [`${distinct.length} ${name}: ${distinct.join(", ")}`] : [];
      }),
      ...strangers.map(({ configuration, data }) =>
        `${
          processName(configuration)
        } was trained on ${data.name} (${data.digest}), which the header does not name`
      ),
      ...early.map(({ configuration, started }) =>
        `${processName(configuration)} began at ${started}, before the sweep`
      ),
    ],
    "one adapter, driver, commit and text throughout",
  );
}

const dirtyWords: Readonly<Record<string, string>> = { true: "changed", false: "clean", null: "not told" };

/**
 * Systems and processors: those of the header in a shard, else of each comparison, for shards that were merged may be of machines that have
 * only the adapter in common.
 */
function machines(header: SweepHeader | null, records: readonly CellRecord[]): [string, string[]][] {
  const groups = header?.shard
    ? [[header, ...records]]
    : Map.groupBy(records, ({ configuration }) => comparisonOf(configuration)).values();
  return [...groups].flatMap((group): [string, string[]][] => [
    ["systems", group.map(({ environment }) => environment.os)],
    ["processors", group.map(({ environment }) => environment.cpu)],
  ]);
}

/** What is known without a network of data of one digest: the same wherever it is told. */
function baselines(header: SweepHeader | null, records: readonly CellRecord[]): [string, string[]][] {
  const all = [...header?.data ?? [], ...records.map(({ data }) => data)];
  return [...Map.groupBy(all, ({ digest }) => digest).values()].map((group) => [
    `baselines of ${group[0].name}`,
    group.map(({ baseline }) => baseline ? `${baseline.rule} ${baseline.loss}` : "none"),
  ]);
}

/** Digests of images, those of one size: a model of larger images has them resized. */
function imageSets(records: readonly CellRecord[]): string[] {
  const bySize = Map.groupBy(
    records.filter(({ data }) => data.kind === "images"),
    ({ architecture }) => "image" in architecture ? architecture.image : 0,
  );
  const mixed = [...bySize.values()].find((group) => new Set(group.map(({ data }) => data.digest)).size > 1);
  return (mixed ?? []).map(({ data }) => data.digest);
}
