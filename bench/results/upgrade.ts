import { z } from "zod";
import { policyDocument } from "../../src/storage/policies.ts";

type Line = Record<string, unknown>;

/** What a line of an older version says, as the present version says it. Throws a ZodError or a UserError at what that version could not have said. */
export function upgrade(line: Line): Line {
  if (line.schema === 1) return upgrade(fromFirst(line));
  if (line.schema === 2) return { ...line, schema: 3 };
  return line;
}

const object = z.looseObject({});
const first = z.looseObject({
  configuration: z.looseObject({
    policy: z.string(),
    rounding: z.unknown().optional(),
    ranges: z.unknown().optional(),
  }),
  architecture: object,
  data: object,
  quality: z.looseObject({ validationTokens: z.unknown().optional() }).nullish(),
});

/** The first version knew texts and GPT-2 only, named policies, and one training run a cell. */
function fromFirst(line: Line): Line {
  const { configuration: { rounding, ranges, ...cell }, architecture, data, quality, ...rest } = first.parse(
    line,
  );
  const storage = { ...policyDocument(cell.policy), rounding, ranges };
  const { validationTokens, ...losses } = quality ?? {};
  return {
    ...rest,
    schema: 2,
    configuration: { ...cell, storage, labelSmoothing: 0, schedule: null, gradientEvery: 0 },
    architecture: { modelType: "gpt2", ...architecture },
    data: { kind: "text", ...data },
    quality: quality &&
      { ...losses, validationTop1: null, validationTargets: validationTokens, gradientErrors: [] },
  };
}
