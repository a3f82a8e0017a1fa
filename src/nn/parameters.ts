import type { Category } from "../memory/category.ts";
import type { DeviceLimits } from "../gpu/limits.ts";
import { padded, type Store, type Tensor, tensorBytes } from "../gpu/tensor.ts";

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

/** A parameter with its gradient and Adam moments, all of one layout. */
export interface Parameter extends ParameterShape {
  readonly value: Tensor;
  readonly gradient: Tensor;
  readonly moment1: Tensor;
  readonly moment2: Tensor;
}

/** A run of an arena whose parameters are all decayed or none, as flat tensors. */
export interface ParameterRun {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  readonly moment1: Tensor;
  readonly moment2: Tensor;
  readonly decayed: boolean;
}

const roles = {
  value: "parameters",
  gradient: "gradients",
  moment1: "optimizer",
  moment2: "optimizer",
} as const;
type Role = keyof typeof roles;

/** All parameters of a model: one arena each for values, gradients and the two moments (more where a buffer cannot hold one). */
export class ParameterSet {
  readonly #byName = new Map<string, Parameter>();
  /** Runs in the order of the arenas. */
  readonly runs: readonly ParameterRun[];

  /** Lays out parameters: decayed ones first, each at a multiple of 256 bytes. Needs no adapter. */
  constructor(shapes: readonly ParameterShape[], limits: Pick<DeviceLimits, "maxBufferSize">) {
    const ordered = [...shapes.filter((s) => s.decayed), ...shapes.filter((s) => !s.decayed)];
    const segments: {
      shapes: { shape: ParameterShape; offset: number }[];
      bytes: number;
      decayedBytes: number;
    }[] = [];
    for (const shape of ordered) {
      const bytes = Math.ceil(shape.rows * padded(shape.cols) * 4 / 256) * 256;
      let segment = segments.at(-1);
      if (!segment || segment.bytes + bytes > limits.maxBufferSize) {
        segments.push(segment = { shapes: [], bytes: 0, decayedBytes: 0 });
      }
      segment.shapes.push({ shape, offset: segment.bytes });
      segment.bytes += bytes;
      if (shape.decayed) segment.decayedBytes = segment.bytes;
    }
    const runs: ParameterRun[] = [];
    segments.forEach((segment, i) => {
      const stores = Object.fromEntries(
        (Object.keys(roles) as Role[]).map((role) => [role, store(role, i, segment.bytes)]),
      ) as Record<Role, Store>;
      for (const { shape, offset } of segment.shapes) {
        const tensor = (role: Role): Tensor => ({
          name: role === "value" ? shape.name : `${role} of ${shape.name}`,
          dtype: "f32",
          rows: shape.rows,
          cols: shape.cols,
          stride: padded(shape.cols),
          category: roles[role],
          home: { store: stores[role], offset },
        });
        this.#byName.set(shape.name, {
          ...shape,
          value: tensor("value"),
          gradient: tensor("gradient"),
          moment1: tensor("moment1"),
          moment2: tensor("moment2"),
        });
      }
      for (const decayed of [true, false]) {
        const first = decayed ? 0 : segment.decayedBytes;
        const end = decayed ? segment.decayedBytes : segment.bytes;
        if (first === end) continue;
        const flat = (role: Role) => flatTensor(stores[role], roles[role], first, end);
        runs.push({
          parameter: flat("value"),
          gradient: flat("gradient"),
          moment1: flat("moment1"),
          moment2: flat("moment2"),
          decayed,
        });
      }
    });
    this.runs = runs;
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

  /** How many numbers are trained, padding not counted. */
  get count(): number {
    return this.all.reduce((sum, { rows, cols }) => sum + rows * cols, 0);
  }
}

function store(role: Role, segment: number, bytes: number): Store {
  return { name: segment === 0 ? role : `${role} ${segment}`, category: roles[role] as Category, bytes };
}

function flatTensor(home: Store, category: Category, first: number, end: number): Tensor {
  const tensor = {
    name: home.name,
    dtype: "f32" as const,
    rows: (end - first) / 256,
    cols: 64,
    stride: 64,
    category,
    home: { store: home, offset: first },
  };
  if (tensorBytes(tensor) !== end - first) throw new Error("An arena's run is not whole rows");
  return tensor;
}
