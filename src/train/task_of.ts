import { byFamily } from "../models/families.ts";
import { checkModel } from "../models/model_config.ts";
import { refuseIdleRanks, shareOf } from "../ranks/share.ts";
import { gpt2Task, llamaTask } from "./text_task.ts";
import type { TrainOptions } from "./options.ts";
import type { Task } from "./task.ts";
import { vitTask } from "./vit_task.ts";

const tasks = byFamily({ gpt2: gpt2Task, vit: vitTask, llama: llamaTask });

/** What training this model is. Throws a UserError if the model cannot take such a step. */
export function taskOf(options: TrainOptions): Task {
  const { model, sequence, batch } = options;
  const share = shareOf(options);
  checkModel(model, sequence, batch);
  if (share) refuseIdleRanks(options, share);
  return tasks(model, options);
}
