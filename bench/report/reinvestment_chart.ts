import { byPolicy, type Panel, roomy, type Row, type Spec, type Styles } from "./chart_panels.ts";
import { equals, type Invested } from "./reinvested.ts";
import { sizeOf } from "./reinvestment.ts";

/** Losses less `exact`'s, with their intervals, of each policy at each size: a panel for each budget in equal time, and one in equal tokens. */
export function reinvestmentPanels(all: readonly Invested[], styles: Styles): Panel[] {
  return all.flatMap(({ found: { model, batch, sequence }, arms }) =>
    equals.flatMap((equal): Panel[] => {
      const rows = arms.flatMap((arm): Row[] => {
        const difference = arm.outcomes[equal]?.losses.difference;
        if (!difference) return [];
        const { mean, low, high } = difference;
        return [{ policy: arm.policy, arm: `${arm.policy}, ${sizeOf(arm)}`, mean, low, high }];
      });
      const title: Panel["title"] = [`${model}, ${batch} × ${sequence}`, `in equal ${equal}`];
      return rows.length > 0 ? [{ title, spec: forest(rows, styles) }] : [];
    })
  );
}

function forest(rows: Row[], styles: Styles): Spec {
  const ends = rows.flatMap(({ low, high }) => [low, high] as number[]);
  const x = {
    field: "mean",
    type: "quantitative",
    title: "loss less exact's, nats",
    scale: { domain: roomy([0, ...ends]), nice: false },
    axis: { tickCount: 5 },
  };
  const y = { field: "arm", type: "nominal", sort: null, title: null };
  const encoding = byPolicy(styles, "points");
  return {
    data: { values: rows },
    width: 230,
    height: { step: 18 },
    layer: [
      { mark: { type: "rule", color: "#999999" }, encoding: { x: { datum: 0 } } },
      {
        mark: { type: "rule", strokeWidth: 1.5 },
        encoding: { x: { ...x, field: "low" }, x2: { field: "high" }, y, color: encoding.color },
      },
      { mark: { type: "point", size: 60, strokeWidth: 2, opacity: 1 }, encoding: { x, y, ...encoding } },
    ],
  };
}
