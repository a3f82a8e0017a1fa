import { parseSweep } from "../results/read_results.ts";
import { crowding } from "../results/timed_alone.ts";

/** Whether a report's processes had their cards to themselves, which other tests may use: else it has no speeds, and no chart of them. */
export const wereAlone = async (report: string): Promise<boolean> =>
  crowding(parseSweep(await Deno.readTextFile(`${report}/results.jsonl`)).records).size === 0;
