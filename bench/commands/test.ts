import { command, message, object, passThrough } from "@optique/core";
import { adapterOptions, jsonOption } from "../options/options.ts";
import { runTests } from "../machine/run_tests.ts";

const options = object({ ...adapterOptions, json: jsonOption, rest: passThrough({ format: "greedy" }) });
const brief = message`Run every test on the adapter at hand; what follows goes to ${"deno test"}`;

export const test = command("test", options, { brief }).map(({ rest, ...own }) => () =>
  runTests([...rest], own)
);
