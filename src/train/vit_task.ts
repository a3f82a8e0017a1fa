import type { ImageBatch } from "../data/image_batches.ts";
import { UserError } from "../errors.ts";
import type { Store, Tensor } from "../gpu/tensor.ts";
import type { VitConfig } from "../models/vit/config.ts";
import { vitInitial } from "../models/vit/initialize.ts";
import { vitLoss } from "../models/vit/model.ts";
import { vitParameters } from "../models/vit/parameters.ts";
import { ownValues, partOf, shareOf } from "../ranks/share.ts";
import { trainDefaults, type TrainOptions } from "./options.ts";
import { column, ring, type Task } from "./task.ts";

/** The task of training a ViT to tell classes of images apart. */
export function vitTask(model: VitConfig, options: TrainOptions): Task {
  const { batch: whole, pixels = "u8", decay = trainDefaults.decay, labelSmoothing = 0 } = options;
  const share = shareOf(options);
  if (share?.over === "sequence") {
    throw new UserError(
      `Ranks cannot share the tokens of an image of "${model.name}"; give --spread batch`,
    );
  }
  const batch = share ? partOf(whole, share).count : whole;
  const tensors = {
    images: imageTensor(batch, 3 * model.image ** 2, pixels),
    labels: column("labels", batch, "head"),
    lossRing: ring("loss of each step"),
    hitRing: ring("share of hits of each batch"),
  };
  return {
    lossRing: tensors.lossRing,
    hitRing: tensors.hitRing,
    parameters: vitParameters(model, decay),
    initial: (shape) => vitInitial(shape, model),
    // Only training smooths: a validation loss is the plain one.
    loss: (tape, parameters) =>
      vitLoss(tape, model, parameters, tensors, batch, tape.training ? labelSmoothing : 0),
    pack(given) {
      if (!("images" in given)) throw new UserError(`Model "${model.name}" looks at images; give it some`);
      const { images, labels } = given;
      const strange = labels.find((label) => label < 0 || label >= model.classes);
      if (strange !== undefined) {
        throw new UserError(
          `Label ${strange} is outside the ${model.classes} classes of model "${model.name}"; choose a model with more`,
        );
      }
      const bytes = whole * tensors.images.cols * (pixels === "u8" ? 1 : 4);
      if (images.byteLength !== bytes || labels.length !== whole) {
        throw new RangeError(
          `A batch of ${labels.length} images in ${images.byteLength} bytes is not ${bytes}`,
        );
      }
      return {
        contents: [
          [tensors.images, wholeWords(ownValues<ImageBatch["images"]>(images, whole, share))],
          [tensors.labels, ownValues(labels, whole, share)],
        ],
        valid: labels.length,
      };
    },
  };
}

/** Pixels as a queue takes them: in whole words. */
function wholeWords(pixels: ImageBatch["images"]): ImageBatch["images"] {
  if (pixels.byteLength % 4 === 0) return pixels;
  const words = new Uint8Array(Math.ceil(pixels.byteLength / 4) * 4);
  words.set(pixels);
  return words;
}

function imageTensor(batch: number, cols: number, dtype: "u8" | "f32"): Tensor {
  const bytes = Math.ceil(batch * cols * (dtype === "u8" ? 1 : 4) / 16) * 16;
  const store: Store = { name: "images", category: "head", bytes };
  return {
    name: "images",
    dtype,
    rows: batch,
    cols,
    stride: cols,
    category: "head",
    home: { store, offset: 0 },
  };
}
