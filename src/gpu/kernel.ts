import { rowBytes, type Tensor, tensorBytes } from "./tensor.ts";

/** A compute shader: its text (entry point `main`) and the values of its `override` constants. */
export interface Kernel {
  readonly label: string;
  /** The name of the variant, of a kernel that exists in several. */
  readonly variant?: string;
  readonly code: string;
  readonly constants?: Readonly<Record<string, number>>;
}

/** What a kernel is called where its variants are told apart. */
export const fullName = ({ label, variant }: Kernel) => variant ? `${label} ${variant}` : label;

/** How a dispatch uses a tensor: `read` binds read-only, `write` and `update` bind read-write (`update` reads the old content). */
export type Access = "read" | "write" | "update";

/** A tensor, or the `rows` of it from row `first`, at a binding point of the shader. */
export interface Binding {
  readonly group: number;
  readonly index: number;
  readonly tensor: Tensor;
  readonly access: Access;
  readonly first?: number;
  readonly rows?: number;
}

/** Bytes of what a binding covers, whole words. */
export function bindingBytes({ tensor, first = 0, rows }: Binding): number {
  const bytes = rows === undefined ? tensorBytes(tensor) - first * rowBytes(tensor) : rows * rowBytes(tensor);
  return Math.ceil(bytes / 4) * 4;
}

/** Where in a step a dispatch belongs, for profiles and plans: the operator, its block, and the pass that it is part of. */
export interface Scope {
  readonly operator?: string;
  /** Its block, from 0; left out before the first and after the last. */
  readonly layer?: number;
  /** `recompute` is what backward makes again of forward; of it, only what somebody reads is made. */
  readonly pass?: "forward" | "recompute" | "backward" | "update";
  /** The only one of a step's micro-batches that it belongs to; left out: it runs for each. */
  readonly microBatch?: "first" | "last";
}

/** How often a dispatch runs in a step of so many micro-batches, once what only the first step of all does is done. */
export const runsOf = ({ first, microBatch }: Dispatch, microBatches: number): number =>
  first ? 0 : microBatch ? 1 : microBatches;

/**
 * One kernel over one set of bindings. `parameters` are the fields, by name, of the shader's struct `Parameters`, its uniform block at
 * group 0, binding 0: what differs between windows of one operator. `workgroups` is a flat count, folded into a grid when it is run.
 */
export interface Dispatch extends Scope {
  readonly kernel: Kernel;
  readonly bindings: readonly Binding[];
  readonly parameters: Readonly<Record<string, number>>;
  readonly workgroups: number;
  /** Floating-point operations, for splitting long submits and for tables. */
  readonly flops: number;
  /** How many numbers it looks at for the next step's scales, where its parameters do not tell. */
  readonly looksAt?: number;
  /** Tensors that live on to this dispatch, though it binds none of them. */
  readonly carries?: readonly Tensor[];
  /** Belongs to the first run of its program only: what it writes, later runs find done. */
  readonly first?: true;
}

/** Bytes of what a dispatch binds, once for each direction: no more have to move, and most do. */
export function boundBytes({ bindings }: Dispatch): number {
  return bindings.reduce(
    (sum, binding) => sum + bindingBytes(binding) * (binding.access === "update" ? 2 : 1),
    0,
  );
}

/** Floating-point operations after which a submit is cut, so that none runs for much more than a second on a GPU. */
export const flopsPerSubmit = 8e12;

/** Bytes between the uniform blocks of two dispatches: the alignment that every adapter grants. */
export const uniformStride = 256;
