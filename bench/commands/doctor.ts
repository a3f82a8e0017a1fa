import { command, message, object } from "@optique/core";
import { printJson } from "../../src/text/print_json.ts";
import { doctor as examine } from "../machine/doctor.ts";
import { adapterOptions, jsonOption } from "../options/options.ts";

const options = object({ ...adapterOptions, json: jsonOption });
const brief = message`Say which adapter would run and why`;

export const doctor = command("doctor", options, { brief }).map((o) => async () => {
  const { page, found } = await examine(o);
  if (o.json) printJson(found);
  else console.log(page);
  return found.runs ? 0 : 1;
});
