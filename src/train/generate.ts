import { Random } from "../data/random.ts";
import { UserError } from "../errors.ts";
import { describeGeneration } from "./describe.ts";
import { type InTraining, withProgram } from "./in_training.ts";
import { sampleToken } from "./sample.ts";
import { checkTokens } from "./text_task.ts";

/** How tokens are drawn: from softmax(logits / temperature), where temperature 0 takes the likeliest. */
export interface Sampling {
  readonly temperature: number;
  readonly seed: number;
  /** Ends before the next token when it is aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Continues `prompt` by `count` tokens, or by as many as there are when `signal` is aborted. Attends to at most the training sequence's length. Throws a UserError that names an id outside the
 * vocabulary, or for a model that reads no tokens.
 */
export async function generate(
  inTraining: InTraining,
  prompt: readonly number[],
  count: number,
  { temperature, seed, signal }: Sampling,
): Promise<number[]> {
  const { options: { model, sequence: longest }, task: { generation }, parameterSet, memory } = inTraining;
  if (!generation) throw new UserError(`Model "${model.name}" writes no text; leave out the sample`);
  checkTokens(prompt, generation.vocab);
  const sequence = Math.min(longest, generation.tokens.rows, prompt.length + count);
  const { description, logits } = describeGeneration(
    generation,
    parameterSet,
    sequence,
    inTraining.builderOptions,
  );
  const random = Random.for(seed, "generate");
  const tokens = prompt.length > 0 ? [...prompt] : [0];
  return await withProgram(inTraining, description, async (program) => {
    const first = tokens.length;
    while (tokens.length < first + count && !signal?.aborted) {
      const context = tokens.slice(-sequence);
      const inputs = new Uint32Array(sequence);
      inputs.set(context);
      memory.write(generation.tokens, inputs);
      memory.writeStep({ row: context.length - 1 });
      program.run();
      const values = new Float32Array(await program.read(logits)).subarray(0, generation.vocab);
      tokens.push(sampleToken(values, temperature, random));
    }
    return tokens.slice(first);
  });
}
