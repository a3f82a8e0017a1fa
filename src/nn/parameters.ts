import { type AdamwArena, type AdamwState, momentBlock } from "../../kernels/optimizer/adamw.ts";
import type { DeviceLimits } from "../gpu/limits.ts";
import { type Dtype, padded, type Store, type Tensor, tensorBytes, vectorsOf } from "../gpu/tensor.ts";
import { evenParts, type Part, type Sharding } from "../ranks/share.ts";

/** The operator that a parameter belongs to. A tied head has no parameters of its own: they are an embedding's. */
export type ParameterRole =
  | "embedding"
  | "norm"
  | "qkv"
  | "projection"
  | "widening"
  | "narrowing"
  | "head";

/** A trained tensor's name, role, shape and whether AdamW decays it. Vectors are 1×C. */
export interface ParameterShape {
  readonly name: string;
  readonly role: ParameterRole;
  readonly rows: number;
  readonly cols: number;
  readonly decayed: boolean;
  /** The shape under which checkpoints hold it. */
  readonly shape: readonly number[];
  /** Whether checkpoints hold it the other way round: [cols, …rows]. */
  readonly turned: boolean;
  /** Where checkpoints hold its columns as several tensors: these, side by side. */
  readonly parts?: readonly ParameterPart[];
}

/** So many columns of a parameter, as checkpoints name them. */
export interface ParameterPart {
  readonly name: string;
  readonly cols: number;
}

/** Which parameters AdamW decays: weights and embeddings, or all. */
export type Decay = "matrices" | "all";

/** Shapes of the usual parameters under a rule of decay; checkpoints hold them as they are here. */
export function parameterShapes(decay: Decay) {
  const matrix = (role: ParameterRole, name: string, rows: number, cols: number): ParameterShape => ({
    name,
    role,
    rows,
    cols,
    shape: [rows, cols],
    turned: false,
    decayed: true,
  });
  const vector = (role: ParameterRole, name: string, cols: number): ParameterShape => ({
    name,
    role,
    rows: 1,
    cols,
    shape: [cols],
    turned: false,
    decayed: decay === "all",
  });
  return {
    matrix,
    vector,
    linear: (role: ParameterRole, name: string, from: number, to: number) => [
      matrix(role, `${name}.weight`, from, to),
      vector(role, `${name}.bias`, to),
    ],
    norm: (name: string, width: number) => [
      vector("norm", `${name}.weight`, width),
      vector("norm", `${name}.bias`, width),
    ],
  };
}

/** A matrix that checkpoints hold the other way round, its rows as so many dimensions: PyTorch's weights are [out, …in]. */
export function turned(matrix: ParameterShape, rows: readonly number[] = [matrix.rows]): ParameterShape {
  return { ...matrix, shape: [matrix.cols, ...rows], turned: true };
}

/** What Adam's two moments are kept in: f32, bf16, or codes of 8 bits with scales by block. */
export const momentFormats = ["f32", "bf16", "8bit"] as const;
export type MomentFormat = typeof momentFormats[number];

/** What matrices are kept in; vectors, which take few bytes, are always in f32. */
export const parameterFormats = ["f32", "bf16", "f16"] as const;
export type ParameterFormat = typeof parameterFormats[number];

/** Matrices of one height that one product multiplies, side by side under one name; checkpoints hold each by itself, the other way round. */
export function joined(
  role: ParameterRole,
  name: string,
  rows: number,
  parts: readonly ParameterPart[],
): ParameterShape {
  const cols = parts.reduce((sum, part) => sum + part.cols, 0);
  return { name, role, rows, cols, shape: [cols, rows], turned: true, decayed: true, parts };
}

/** A parameter with its gradient, of one layout, and what Adam updates of it here. */
export interface Parameter extends ParameterShape {
  readonly value: Tensor;
  readonly gradient: Tensor;
  readonly state: AdamwState;
  /** Where each rank updates a part and keeps its moments alone. */
  readonly sharded?: Sharded;
}

/** A parameter in parts: the numbers of it that AdamW updates here, and by rank the part of its weights that each makes for all. */
interface Sharded {
  readonly own: Part;
  readonly parts: readonly Tensor[];
}

/** What AdamW updates of a parameter here, by such a gradient of it. */
export const updateOf = ({ state, sharded }: Parameter, gradient: Tensor): AdamwArena => ({
  ...state,
  gradient: sharded ? vectorsOf(gradient, sharded.own.first, sharded.own.count) : gradient,
});

/** All parameters of a model: one arena each for values, gradients and the two moments (more where a buffer cannot hold one). */
export class ParameterSet {
  readonly #byName = new Map<string, Parameter>();
  /** All gradients as flat tensors, in the order of the arenas. */
  readonly gradients: readonly Tensor[];
  /** What AdamW updates here, by those gradients: runs of parameters that are all decayed or none, or of each parameter a part. */
  readonly updates: readonly AdamwArena[];

  /**
   * Lays out parameters: decayed ones first, each at a multiple of 256 bytes; where weights or moments are not in f32, of 256 numbers, so
   * that none shares a block with another. Those in 16 bits have stores of their own. Where ranks shard moments, each has those of a part of
   * every parameter, as many bytes as the others. Needs no adapter.
   */
  constructor(
    shapes: readonly ParameterShape[],
    limits: Pick<DeviceLimits, "maxBufferSize">,
    { moments = "f32", parameters = "f32", sharding = "none", ranks = 1, rank = 0 }: {
      readonly moments?: MomentFormat;
      readonly parameters?: ParameterFormat;
      readonly sharding?: Sharding;
      readonly ranks?: number;
      readonly rank?: number;
    } = {},
  ) {
    const shares = sharding === "moments";
    const formatOf = ({ rows }: ParameterShape) => rows > 1 ? parameters : "f32";
    // Those in f32 stand together, decayed or not.
    const place = (shape: ParameterShape) =>
      2 * Number(!shape.decayed) + Number(shape.decayed === (formatOf(shape) === "f32"));
    const ordered = shapes.toSorted((a, b) => place(a) - place(b));
    const unit = moments === "f32" && parameters === "f32" ? 64 : momentBlock;
    const segments: Segment[] = [];
    for (const shape of ordered) {
      const count = Math.ceil(shape.rows * padded(shape.cols) / unit) * unit;
      let segment = segments.at(-1);
      const format = formatOf(shape);
      if (!segment || segment.format !== format || 4 * (segment.count + count) > limits.maxBufferSize) {
        segments.push(segment = { format, shapes: [], count: 0, held: 0, decayed: 0 });
      }
      // In whole units, so that blocks and bindings begin where parts do.
      const parts = shares ? evenParts(count / unit, ranks).map((part) => scaled(part, unit)) : undefined;
      segment.shapes.push({ shape, first: segment.count, held: segment.held, parts });
      segment.count += count;
      segment.held += parts ? parts[rank].count : count;
      if (shape.decayed) segment.decayed = segment.count;
    }
    const runs: AdamwArena[] = [];
    let before = 0;
    segments.forEach(({ format, shapes, count, held, decayed }, i) => {
      const arena = new Arena(i, before, { count, held }, unit, { moments, parameters: format });
      before += count;
      for (const { shape, ...placed } of shapes) {
        this.#byName.set(shape.name, { ...shape, ...arena.tensors(shape, placed, rank) });
      }
      if (decayed > 0) runs.push(arena.run(0, decayed, true));
      if (decayed < count) runs.push(arena.run(decayed, count, false));
    });
    // Of runs, where ranks shard moments, only the gradients are somebody's.
    this.gradients = runs.map(({ gradient }) => gradient);
    this.updates = shares ? this.all.map((parameter) => updateOf(parameter, parameter.gradient)) : runs;
  }

  /** The parameter of that name; throws if there is none. */
  get(name: string): Parameter {
    const parameter = this.#byName.get(name);
    if (!parameter) throw new Error(`There is no parameter ${name}`);
    return parameter;
  }

  /** Weight and bias of the linear layer of that name. */
  linear(name: string): { weight: Parameter; bias: Parameter } {
    return { weight: this.get(`${name}.weight`), bias: this.get(`${name}.bias`) };
  }

  /** Scale and shift of the LayerNorm of that name. */
  layerNorm(name: string): { gamma: Parameter; beta: Parameter } {
    return { gamma: this.get(`${name}.weight`), beta: this.get(`${name}.bias`) };
  }

  /** All parameters, in the order of the arenas. */
  get all(): Parameter[] {
    return [...this.#byName.values()];
  }
}

/** Where a parameter begins in its arenas, and where its moments do. */
interface Placed {
  readonly first: number;
  readonly held: number;
  /** By rank its part, where ranks part it. */
  readonly parts?: readonly Part[];
}

/** Parameters that share stores; how many numbers they are with all padding, how many of these have moments here, and how many are decayed. */
interface Segment {
  readonly format: ParameterFormat;
  readonly shapes: ({ readonly shape: ParameterShape } & Placed)[];
  count: number;
  held: number;
  decayed: number;
}

const scaled = ({ first, count }: Part, unit: number): Part => ({ first: unit * first, count: unit * count });

const roles = {
  value: "parameters",
  gradient: "gradients",
  moment1: "optimizer",
  moment2: "optimizer",
  scales: "optimizer",
} as const;
type Role = keyof typeof roles;

const momentDtypes: Record<MomentFormat, Dtype> = { f32: "f32", bf16: "bf16", "8bit": "u8" };

/** The stores of a segment of `count` numbers, which stands behind others of `before`. */
class Arena {
  readonly stores: Readonly<Record<Role, Store>>;

  constructor(
    segment: number,
    readonly before: number,
    counts: { readonly count: number; readonly held: number },
    readonly unit: number,
    readonly formats: { readonly moments: MomentFormat; readonly parameters: ParameterFormat },
  ) {
    const store = (role: Role): Store => ({
      name: segment === 0 ? role : `${role} ${segment}`,
      category: roles[role],
      bytes: tensorBytes(this.#shape(role, role, roles[role] === "optimizer" ? counts.held : counts.count)),
    });
    this.stores = Object.fromEntries(
      (Object.keys(roles) as Role[]).map((role) => [role, store(role)]),
    ) as Record<Role, Store>;
  }

  /** `count` numbers as rows of `unit`; their scales, a row for each. */
  #shape(role: Role, name: string, count: number): Tensor {
    const { moments, parameters } = this.formats;
    const dtype = role.startsWith("moment") ? momentDtypes[moments] : role === "value" ? parameters : "f32";
    const cols = role === "scales" ? 2 : this.unit;
    return { name, dtype, rows: count / this.unit, cols, stride: cols, category: roles[role] };
  }

  #flat(role: Role, first: number, end: number): Tensor {
    const store = this.stores[role];
    const offset = tensorBytes(this.#shape(role, store.name, first));
    return { ...this.#shape(role, store.name, end - first), home: { store, offset } };
  }

  /** The tensors of a parameter on a rank; it begins, as its moments do, at a multiple of the unit. */
  tensors(
    shape: ParameterShape,
    { first, held, parts }: Placed,
    rank: number,
  ): Pick<Parameter, "value" | "gradient" | "state" | "sharded"> {
    const { rows, cols } = shape;
    const stride = padded(cols);
    const tensor = (role: Role, name: string, at = first, part?: Part): Tensor => {
      const { dtype, category, home } = this.#flat(role, at, at);
      const size = part ? { rows: part.count / 4, cols: 4, stride: 4 } : { rows, cols, stride };
      return { name, dtype, ...size, category, home };
    };
    const value = tensor("value", shape.name);
    const gradient = tensor("gradient", `gradient of ${shape.name}`);
    const moment = (role: Role, part?: Part) =>
      tensor(role, `${part ? "part of " : ""}${role} of ${shape.name}`, held, part);
    const state = (part?: Part): AdamwState => ({
      parameter: part ? vectorsOf(value, part.first, part.count) : value,
      moment1: moment("moment1", part),
      moment2: moment("moment2", part),
      ...this.#scales(held, held + Math.ceil((part?.count ?? rows * stride) / this.unit) * this.unit),
      decayed: shape.decayed,
      first: this.before + first + (part?.first ?? 0),
    });
    if (!parts) return { value, gradient, state: state() };
    const { first: begin, count } = parts[rank];
    const own = { first: begin, count: Math.min(count, rows * stride - begin) }; // without the padding to the unit
    const weights = parts.map((part) => ({
      ...this.#flat("value", first + part.first, first + part.first + part.count),
      name: shape.name,
    }));
    return { value, gradient, state: state(own), sharded: { own, parts: weights } };
  }

  /** Numbers [first, end), both multiples of the unit. */
  run(first: number, end: number, decayed: boolean): AdamwArena {
    return {
      parameter: this.#flat("value", first, end),
      gradient: this.#flat("gradient", first, end),
      moment1: this.#flat("moment1", first, end),
      moment2: this.#flat("moment2", first, end),
      ...this.#scales(first, end),
      decayed,
      first: this.before + first,
    };
  }

  /** The scales of their blocks, from the last block before whose scales can be bound. */
  #scales(first: number, end: number): Pick<AdamwState, "scales"> {
    if (this.formats.moments !== "8bit") return {};
    const skip = first / this.unit % blocksBetweenBindings;
    return { scales: { tensor: this.#flat("scales", first - skip * this.unit, end), skip } };
  }
}

/** Scales, two numbers a block, can be bound from every so many on. */
const blocksBetweenBindings = 256 / 8;
