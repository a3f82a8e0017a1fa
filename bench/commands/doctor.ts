import { command, message, object } from "@optique/core";
import { doctor as describeAdapter } from "../machine/doctor.ts";

const brief = message`Say which adapter would run and why`;

export const doctor = command("doctor", object({}), { brief }).map(() => async () => {
  const { page, runs } = await describeAdapter();
  console.log(page);
  return runs ? 0 : 1;
});
