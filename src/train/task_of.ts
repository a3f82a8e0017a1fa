import { byFamily } from "../models/families.ts";
import { checkModel } from "../models/model_config.ts";
import { gpt2Task, llamaTask } from "./text_task.ts";
import type { TrainOptions } from "./options.ts";
import type { Task } from "./task.ts";
import { vitTask } from "./vit_task.ts";

const tasks = byFamily({ gpt2: gpt2Task, vit: vitTask, llama: llamaTask });

/** What training this model is. Throws a UserError if the model cannot take such a step. */
export function taskOf(options: TrainOptions): Task {
  const { model, sequence, batch } = options;
  checkModel(model, sequence, batch);
  return tasks(model, options);
}
