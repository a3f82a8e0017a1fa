import { bytes, number } from "../../src/text/format.ts";
import { sources } from "./making.ts";
import type { Sweep } from "./reports.ts";
import { code } from "../report/words.ts";

/** The longest sequence that trained. */
export function longSequence(sweep: Sweep): string | null {
  const cells = sweep.comparisons.flatMap(({ cells }) => [...cells.values()]);
  const [own] = cells.filter((cell) => !cell.failure && cell.step && cell.memory)
    .toSorted((a, b) => b.configuration.sequence - a.configuration.sequence);
  if (!own) return null;
  const { policy, model, sequence, arithmetic = "f32" } = own.configuration;
  const driver = own.driverBytes === null ? "" : `, ${bytes(own.driverBytes)} as the driver counts`;
  return `${code(policy)} trains ${code(model)} on one sequence of ${number(sequence)} tokens${
    arithmetic === "f32" ? "" : `, products in ${arithmetic},`
  } in ${bytes(own.memory!.bufferBytes)} of buffers${driver}, ${
    number(own.step!.median / 1000)
  } s a step.\n\n${sources(sweep)}`;
}
