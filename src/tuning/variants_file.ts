import { z } from "zod";
import { UserError } from "../errors.ts";
import type { Variants } from "../gpu/builder.ts";
import { readJson } from "../io/json_file.ts";

/** The name of the file in a report's folder. */
export const variantsFile = "variants.json";

const schema = z.record(z.string(), z.string());

/** Reads variants, by kernel and shape. Throws a UserError that names the file and what is wrong with it. */
export function readVariants(path: string): Variants {
  const json = readJson(path, `the variants of ${path}`);
  const { data, error } = schema.safeParse(json);
  if (data) return data;
  const place = error.issues[0].path.map((key) => JSON.stringify(key)).join();
  throw new UserError(
    `${path} does not name a variant${
      place && ` for ${place}`
    }: give the ${variantsFile} of a report's folder, or ` +
      `{"KERNEL AND SHAPE": "VARIANT"}`,
  );
}
