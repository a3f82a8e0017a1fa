import { z } from "zod";
import { dataReport } from "./data_report.ts";
import { environment } from "./environment.ts";
import { type CellMeasurement, measurement } from "./measurement.ts";

const answer = z.object({
  measurement,
  data: dataReport.nullable().describe("what the process read; null if it did not come so far"),
  adapter: environment.pick({ adapter: true, driver: true, runtime: true }).nullable(),
});

/** What a child process prints: what it found, and what it found it with. */
export type ChildAnswer = z.infer<typeof answer>;

/** The answer of a process that came to no end, or of none. */
export const unread = (measurement: CellMeasurement): ChildAnswer => ({
  measurement,
  data: null,
  adapter: null,
});

/** Parses what a child printed; null if it is no answer. */
export function parseAnswer(json: string): ChildAnswer | null {
  try {
    return answer.parse(JSON.parse(json));
  } catch {
    return null;
  }
}
