import { UserError } from "../errors.ts";
import type { WeightSource } from "../models/checkpoint.ts";
import { streamOf } from "../models/shared/initial.ts";
import { describeNormals, type Normals } from "./describe.ts";
import { type InTraining, withProgram } from "./in_training.ts";
import { packRows } from "./rows.ts";

/** Sets the weights that training begins with: those given, else the model's initial ones, whose normal numbers the device makes. */
export async function setWeights(inTraining: InTraining, given?: WeightSource): Promise<void> {
  const { options: { seed }, task, parameterSet, builderOptions, memory } = inTraining;
  const normals: Normals[] = [];
  for (const parameter of parameterSet.all) {
    const { name, rows, cols, value } = parameter;
    const begin = given?.get(name) ?? task.initial(parameter);
    if (typeof begin === "number") {
      memory.writeNumbers(value, packRows(new Float32Array(rows * cols).fill(begin), value));
    } else if ("deviation" in begin) {
      normals.push({ tensor: value, ...begin, stream: streamOf(name, seed) });
    } else {
      if (value.dtype === "f16") requireHalves(name, begin);
      memory.writeNumbers(value, packRows(begin, value));
    }
    await memory.settleWrites();
  }
  if (normals.length === 0) return;
  await withProgram(inTraining, describeNormals(normals, builderOptions), (program) => void program.run());
}

/** The largest number of f16. */
const largestHalf = 65504;

/** Throws a UserError for a weight that would be infinite in f16. */
function requireHalves(name: string, weights: Float32Array): void {
  const beyond = weights.find((weight) => Math.abs(weight) > largestHalf);
  if (beyond === undefined) return;
  throw new UserError(`"${name}" holds ${beyond}, beyond the ${largestHalf} of f16; take --parameters bf16`);
}
