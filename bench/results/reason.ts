import { z } from "zod";
import { UserError } from "../../src/errors.ts";

/** Why a text is no line of a schema. */
export function reason(error: unknown): string {
  if (error instanceof SyntaxError) return "not a whole line of JSON";
  if (error instanceof z.ZodError) {
    const [{ path, message }] = error.issues;
    return path.length > 0 ? `${path.join(".")}: ${message}` : message;
  }
  if (error instanceof UserError) return error.message;
  throw error;
}
