import { z } from "zod";

/** How many of something there are. */
export const count = z.int().nonnegative();

/** How many of something there are, at least one. */
export const positive = z.int().positive();

/** A measured number; JSON has no NaN, so a loss that diverged is null. */
export const measured = z.number().nullable();
