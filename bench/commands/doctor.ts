import { command, message, object } from "@optique/core";
import { doctor as describeAdapter } from "../machine/doctor.ts";
import { requireGpuOption } from "../options/options.ts";

const options = object({ requireGpu: requireGpuOption });
const brief = message`Say which adapter would run and why`;

export const doctor = command("doctor", options, { brief }).map((o) => async () => {
  const { page, runs } = await describeAdapter(o);
  console.log(page);
  return runs ? 0 : 1;
});
