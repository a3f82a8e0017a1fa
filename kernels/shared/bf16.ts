import noNumberText from "./no_number.wgsl" with { type: "text" };
import text from "./bf16.wgsl" with { type: "text" };

/** Numbers in bf16, four at once, and what tells of a float that it is no number, which they need. */
export const bf16Text = noNumberText + text;
