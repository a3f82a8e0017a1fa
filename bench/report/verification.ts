import { markdownTable } from "markdown-table";
import type { VerifyReport } from "../../src/train/verify.ts";

/** A comparison with a reference case, as a person wants to read it: worst tensor first, and the verdict at the end. */
export function renderVerification(report: Omit<VerifyReport, "gradients">): string {
  const { policy, arithmetic, tensors, lossDifferences, overallRelativeError, failures } = report;
  const sorted = [...tensors].sort((a, b) => b.relativeError - a.relativeError);
  const fromStored = Math.max(...tensors.map((tensor) => tensor.fromStored));
  return [
    markdownTable(
      [
        ["gradient", "relative error", "from the stored values"],
        ...sorted.map((t) => [t.name, t.relativeError.toExponential(2), t.fromStored.toExponential(2)]),
      ],
      { align: ["l", "r", "r"] },
    ),
    markdownTable(
      [["step", "loss difference"], ...lossDifferences.map((d, i) => [`${i + 1}`, d.toExponential(2)])],
      { align: ["r", "r"] },
    ),
    `All gradients together: relative error ${overallRelativeError.toExponential(2)}; ` +
    `each from the values that were stored: at most ${fromStored.toExponential(2)}`,
    ...failures,
    `${policy}${arithmetic === "f32" ? "" : `, products in ${arithmetic}`}: ${
      report.pass ? "passed" : "failed"
    }`,
  ].join("\n\n");
}
