import { z } from "zod";
import { UserError } from "../errors.ts";
import type { Variants } from "../gpu/builder.ts";
import { parseJson } from "../json_document.ts";

/** The name of the file in a report's folder. */
export const variantsFile = "variants.json";

const schema = z.record(z.string(), z.string());

/** Reads variants, by kernel and shape. Throws a UserError that names the file and what is wrong with it. */
export async function readVariants(path: string): Promise<Variants> {
  try {
    return schema.parse(parseJson(await Deno.readTextFile(path)));
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const reason = error instanceof z.ZodError
      ? `${error.issues[0].path.join(".")}: ${error.issues[0].message}`
      : (error as Error).message;
    throw new UserError(
      `Cannot read the variants of ${path} (${reason}); give the ${variantsFile} of a report's folder`,
    );
  }
}
