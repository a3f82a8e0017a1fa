import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { leastCommonMultiple, windowAlignment } from "../../src/gpu/limits.ts";
import { instantiate, type Operand, plain } from "../../src/gpu/operand.ts";
import { padded, rowBytes, type Tensor } from "../../src/gpu/tensor.ts";
import { elementThreads } from "../shared/elementwise.ts";
import backwardText from "./patch_embedding_backward.wgsl" with { type: "text" };
import bytesText from "./patch_embedding_bytes.wgsl" with { type: "text" };
import floatsText from "./patch_embedding_floats.wgsl" with { type: "text" };
import gatherText from "./patch_embedding_gather.wgsl" with { type: "text" };
import startText from "./patch_embedding_start.wgsl" with { type: "text" };

/** Images of a batch, and the squares that they are cut into. Both sides in pixels; `patch` divides `image`. */
export interface PatchShape {
  readonly batch: number;
  readonly image: number;
  readonly patch: number;
}

/** Tokens of an image: the class token and its patches. */
export function tokensOf({ image, patch }: Omit<PatchShape, "batch">): number {
  return (image / patch) ** 2 + 1;
}

/**
 * The matrix that the patch projection multiplies, (batch·T)×(3·P²) with T tokens an image: the row of a class token is zero, the others
 * are the patches in row-major order, channel by channel. Nothing stores it: it is gathered on load from `images`, batch×(3·S²), whose
 * bytes are read as byte·(2/255) − 1 and whose floats as they are. Windows of its rows begin with an image at a multiple of 256 bytes, as
 * its unit says, or `bindings` throws a RangeError. Patches whose side is no multiple of 4 are dear: their pixels are gathered one by one.
 */
export function patches(images: Tensor, shape: PatchShape): Operand {
  const { batch, image, patch } = shape;
  const tokens = tokensOf(shape);
  const cols = 3 * patch ** 2;
  if (!Number.isInteger(tokens) || images.rows !== batch || images.cols !== 3 * image ** 2) {
    throw new RangeError(
      `${images.name} ${images.rows}×${images.cols} is not ${batch} images of ${image} pixels a side in patches of ${patch}`,
    );
  }
  if (images.dtype !== "u8" && images.dtype !== "f32") {
    throw new RangeError(`Pixels are u8 or f32, not ${images.dtype}`);
  }
  const { dtype, category } = images;
  const tensor = {
    name: `${images.name} patches`,
    dtype,
    rows: batch * tokens,
    cols,
    stride: padded(cols),
    category,
  };
  const constants = { pitch: images.stride, image, patch, tokens, vectors: tensor.stride / 4 };
  const text = (dtype === "u8" ? bytesText : floatsText) + gatherText +
    Object.entries(constants).map(([name, value]) => `const NAME_${name} = ${value}u;\n`).join("");
  const alignment = 4 * windowAlignment;
  const alignedImages = leastCommonMultiple(rowBytes(images), alignment) / rowBytes(images);
  return {
    tensor,
    unit: alignedImages * tokens,
    cost: patch % 4 === 0 ? "light" : "heavy",
    code: (name, group) => instantiate(text, name, group),
    bindings: (group, { first, rows } = { first: 0, rows: tensor.rows }) => {
      const begin = first / tokens;
      if (!Number.isInteger(begin) || begin * rowBytes(images) % alignment !== 0) {
        throw new RangeError(
          `Row ${first} of ${tensor.name} cannot begin a window: bind whole images of ${tokens} rows, at multiples of ${alignment} bytes`,
        );
      }
      return [{
        group,
        index: 0,
        tensor: images,
        access: "read",
        first: begin,
        rows: Math.ceil(rows / tokens),
      }];
    },
  };
}

/**
 * Emits x (N×C) = positions[t] + (t = 0 ? classToken : bias), t the row's token of T: what the patch projection is then added to.
 * `positions` is T×C, `classToken` and `bias` are 1×C.
 */
export function patchEmbeddingStart(
  builder: ProgramBuilder,
  positions: Tensor,
  classToken: Tensor,
  bias: Tensor,
  x: Tensor,
): void {
  const stride = x.stride / 4;
  for (const window of builder.windows([x])) {
    const vectors = window.rows * stride;
    builder.dispatch({
      kernel: {
        label: "patch_embedding_start",
        code: plain(positions).code("positions", 1) + startText,
        constants: { stride, tokens: positions.rows },
      },
      bindings: [
        ...plain(positions).bindings(1),
        { group: 0, index: 2, tensor: classToken, access: "read" },
        { group: 0, index: 3, tensor: bias, access: "read" },
        { group: 0, index: 4, tensor: x, access: "write", ...window },
      ],
      parameters: { vectors, first_token: window.first % positions.rows },
      workgroups: Math.ceil(vectors / elementThreads),
      flops: window.rows * x.cols,
    });
  }
}

/**
 * Emits (or adds, with `accumulate`) the gradients of the class token and of the projection's bias: row 0 of `d`, and the sum of its other
 * rows. `d` (T×C) is the positions' gradient of this batch alone, in a tensor of its own: a dispatch cannot read a buffer that it writes.
 */
export function patchEmbeddingBackward(
  builder: ProgramBuilder,
  d: Tensor,
  dClassToken: Tensor,
  dBias: Tensor,
  accumulate: boolean,
): void {
  const stride = d.stride / 4;
  const access = accumulate ? "update" : "write";
  builder.dispatch({
    kernel: { label: "patch_embedding_backward", code: backwardText, constants: { stride } },
    bindings: [
      { group: 0, index: 1, tensor: d, access: "read" },
      { group: 0, index: 2, tensor: dClassToken, access },
      { group: 0, index: 3, tensor: dBias, access },
    ],
    parameters: { tokens: d.rows, accumulate: Number(accumulate) },
    workgroups: Math.ceil(stride / 16),
    flops: d.rows * d.cols,
  });
}
