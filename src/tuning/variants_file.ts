import { z } from "zod";
import type { Variants } from "../gpu/builder.ts";
import { readJson } from "../io/json_file.ts";
import { documentJsonSchema, must, parseDocument } from "../json_document.ts";

/** The name of the file in a report's folder. */
export const variantsFile = "variants.json";

const words = must(`the name of a variant: give the ${variantsFile} of a report's folder`);

const schema = z.record(
  z.string(),
  z.string(words),
  must(`{"KERNEL AND SHAPE": "VARIANT"}: give the ${variantsFile} of a report's folder`),
).meta({ title: "Variants", description: "Which variant a kernel takes at a shape, by kernel and shape" });

/** Reads variants, by kernel and shape. Throws a UserError that names the file and what is wrong with it. */
export const readVariants = (path: string): Variants =>
  parseDocument(schema, readJson(path, `the variants of ${path}`), path);

/** The JSON Schema of such files. */
export const variantsJsonSchema = () => documentJsonSchema(schema);
