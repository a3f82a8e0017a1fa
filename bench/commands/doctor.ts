import { command, message, object } from "@optique/core";
import { doctor as describeAdapter } from "../machine/doctor.ts";

const brief = message`Say which adapter would run and why`;

export const doctor = command("doctor", object({}), { brief }).map(() => async () => {
  console.log(await describeAdapter());
  return 0;
});
