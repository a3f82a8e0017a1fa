import { argument, command, message, object, option, optional, string } from "@optique/core";
import { path } from "@optique/run";
import { runCell } from "../sweep/cell.ts";
import { requireGpuOption } from "../options/options.ts";
import { parseConfiguration } from "../results/results.ts";

export const options = object({
  configuration: argument(string({ metavar: "JSON" })),
  data: optional(option("--data", path({ metavar: "FILE" }))),
  images: optional(option("--images", path({ metavar: "PATH" }))),
  requireGpu: requireGpuOption,
});

/** One cell in this process, as `bench` runs it in a child: the measurement is printed as one line of JSON. */
export const cell = command("cell", options, { hidden: true, brief: message`Run one cell` }).map(
  (o) => async () => {
    console.log(JSON.stringify(await runCell(parseConfiguration(o.configuration), o)));
    return 0;
  },
);
