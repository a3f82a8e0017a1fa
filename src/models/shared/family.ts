import type { z } from "zod";
import type { Batch } from "../../data/batches.ts";
import type { NamedTensor } from "../../io/safetensors.ts";
import type { Decay, ParameterShape } from "../../nn/parameters.ts";

/** What every model's configuration has; its family's sizes stand beside. */
export interface NamedModel {
  readonly modelType: string;
  readonly name: string;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
}

/** A configuration without what it is called. */
export type Unnamed<Config> = Config extends unknown ? Omit<Config, "name"> : never;

/** The sizes of a configuration alone. */
export type Sizes<Config> = Config extends unknown ? Omit<Config, "name" | "modelType"> : never;

/** What a model learns from: a text's tokens, or labelled square images of `size` pixels a side. */
export type Input =
  | { readonly kind: "text"; readonly vocab: number }
  | { readonly kind: "images"; readonly size: number; readonly classes: number };

/** Tensors of a checkpoint, by name. Of one that is in a file still, who asks for `data` reads them anew. */
export type NamedTensors = ReadonlyMap<string, NamedTensor>;

/** How another library's checkpoints hold models of a family. */
export interface CheckpointFormat<Config> {
  /** Whether the tensors are such a model's, and no other family's. */
  recognises(tensors: NamedTensors): boolean;
  /** The tensors under the parameters' names, what is no parameter left out. Throws a UserError for what contradicts itself. */
  canonical(tensors: NamedTensors, source: string): NamedTensors;
  /** Sizes that shapes do not show, from the file's metadata or from what lies beside it. */
  settings(path: string, metadata: Readonly<Record<string, string>>): Promise<Partial<Sizes<Config>>>;
  /** The sizes of a model, from canonical tensors' shapes and from settings. Throws a UserError where they do not tell. */
  sizesFrom(
    tensors: NamedTensors,
    source: string,
    settings: Partial<Sizes<Config>>,
  ): Sizes<Config>;
  /** Metadata that `settings` reads back. */
  metadata(config: Config): Record<string, string>;
  /** The `config.json` by which the library loads a folder; none, if it has no such. */
  config?(config: Config): Record<string, unknown>;
}

/** How a reference case holds a model of a family, and batches for it. */
export interface GoldenFormat<Config, Sample> {
  /** The configuration as the reference's library names it. */
  readonly config: z.ZodType<Unnamed<Config>>;
  /** The steps' batches, sequences of a batch, and their tokens. Throws a UserError if they are not the model's. */
  batches(
    tensors: NamedTensors,
    config: Unnamed<Config>,
    path: string,
  ): { batches: Sample[]; batch: number; sequence: number };
}

/**
 * A family of models: all that is to be known of it short of training. What a floor above must know of each (its task, its recipe) is a
 * table there by `modelType`, which TypeScript refuses if a family is missing.
 */
export interface Family<Config extends NamedModel, Sample extends Batch> {
  readonly modelType: Config["modelType"];
  /** What messages call such a model: "a GPT-2". */
  readonly title: string;
  /** Fields of a model's document, name and type apart, and what those are that may be left out. */
  readonly sizes: { readonly [Size in Exclude<keyof Config, "name" | "modelType">]: z.ZodType<Config[Size]> };
  readonly defaults: Partial<Sizes<Config>>;
  /** Models by name, the small ones first. */
  readonly presets: Readonly<Record<string, Config>>;
  /** Other names of presets. */
  readonly aliases: Readonly<Record<string, Config>>;
  /** Whether sequences may have another length than the usual one. */
  readonly choosesSequence: boolean;
  /** Throws a UserError if the sizes contradict each other. */
  check(config: Config): void;
  /** Throws a UserError if the model cannot take sequences of that many tokens. */
  checkSequence(config: Config, sequence: number): void;
  /** The length of sequence at which the model is usually measured, in tokens. */
  usualSequence(config: Config): number;
  input(config: Config): Input;
  /** Every parameter under the names and in the order of the library whose checkpoints are read. */
  parameters(config: Config, decay: Decay): ParameterShape[];
  readonly checkpoint: CheckpointFormat<Config>;
  readonly golden: GoldenFormat<Config, Sample>;
}
