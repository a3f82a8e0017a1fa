import { z } from "zod";

/** Why a text is no line of a schema. */
export function reason(error: unknown): string {
  if (error instanceof SyntaxError) return "not a whole line of JSON";
  if (error instanceof z.ZodError) {
    const [{ path, message }] = error.issues;
    return `${path.join(".")}: ${message}`;
  }
  throw error;
}
