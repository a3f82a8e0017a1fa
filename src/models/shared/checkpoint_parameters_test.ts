import { assertEquals } from "@std/assert";
import { parameterShapes, turned } from "../../nn/parameters.ts";
import { pickParameters, toCheckpoint } from "./checkpoint_parameters.ts";

Deno.test("pickParameters() turns matrices of any size round, and toCheckpoint() turns them back", () => {
  for (const [rows, cols] of [[1, 1], [32, 64], [37, 70], [100, 5]]) {
    const parameter = turned(parameterShapes("all").matrix("widening", "w", rows, cols));
    const dense = new Float32Array(rows * cols).map((_, i) => i);
    const [[name, tensor]] = toCheckpoint(parameter, dense);
    assertEquals(tensor.shape, [cols, rows]);
    for (let col = 0; col < cols; col++) {
      const expected = Float32Array.from({ length: rows }, (_, row) => dense[row * cols + col]);
      assertEquals(tensor.data.slice(col * rows, (col + 1) * rows), expected);
    }
    assertEquals(
      pickParameters(new Map([[name, tensor]]), [parameter], "a model", "file").get("w")!(),
      dense,
    );
  }
});
