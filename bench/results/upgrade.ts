import { policyDocument } from "../../src/storage/policies.ts";

type Line = Record<string, unknown>;

/** What a line of an older version says, as the present version says it. */
export function upgrade(line: Line): Line {
  if (line.schema === 1) return upgrade(fromFirst(line));
  if (line.schema === 2) return { ...line, schema: 3 };
  return line;
}

/** The first version knew texts and GPT-2 only, named policies, and one training run a cell. */
function fromFirst({ configuration, architecture, data, quality, ...rest }: Line): Line {
  const { rounding, ranges, ...cell } = configuration as Line;
  const storage = { ...policyDocument(cell.policy as string), rounding, ranges };
  const { validationTokens, ...losses } = (quality ?? {}) as Line;
  return {
    ...rest,
    schema: 2,
    configuration: { ...cell, storage, labelSmoothing: 0, schedule: null, gradientEvery: 0 },
    architecture: { modelType: "gpt2", ...architecture as Line },
    data: { kind: "text", ...data as Line },
    quality: quality &&
      { ...losses, validationTop1: null, validationTargets: validationTokens, gradientErrors: [] },
  };
}
