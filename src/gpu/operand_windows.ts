import type { Window } from "./limits.ts";
import type { Operand } from "./operand.ts";

/** Numbers of the binding points of one window, or of one of several operands, of which readers take fewer. */
const points = 16;

/**
 * The rows of x in the given windows, which follow each other, each bound of its own: for a kernel that reads rows anywhere, of more bytes than
 * one binding may have. It counts vectors from the first window's first row. One window is bound as it is.
 */
export function inWindows(x: Operand, windows: readonly Window[]): Operand {
  const parts = sharingGroup(windows.map(() => x));
  const bindingsOf = (group: number) => parts.flatMap((part, i) => part.bindings(group, windows[i]));
  if (windows.length === 1) return { ...x, bindings: bindingsOf };
  const vectorsBefore = ({ first }: Window) => (first - windows[0].first) * x.tensor.stride / 4;
  return {
    tensor: x.tensor,
    cost: x.cost,
    unit: x.unit,
    code: (name, group) => {
      const readers = parts.map((part, i) => part.code(`${name}_window${i}`, group));
      const choices = windows.map((window, i) => {
        const read = `return ${name}_window${i}_load4(index - ${vectorsBefore(window)}u, column);`;
        return i === windows.length - 1
          ? `  ${read}`
          : `  if (index < ${vectorsBefore(windows[i + 1])}u) { ${read} }`;
      });
      return `${readers.join("")}
fn ${name}_load4(index: u32, column: u32) -> vec4<f32> {
${choices.join("\n")}
}
`;
    },
    bindings: bindingsOf,
  };
}

/** Operands that share a bind group: each has binding points of its own. */
export function sharingGroup(operands: readonly Operand[]): Operand[] {
  return operands.map((x, i) => ({
    ...x,
    code: (name, group) => moved(x.code(name, group), i * points),
    bindings: (group, window) =>
      x.bindings(group, window).map((binding) => ({ ...binding, index: binding.index + i * points })),
  }));
}

/** A reader's text with the numbers of its binding points moved up. */
function moved(text: string, by: number): string {
  return text.replaceAll(/@binding\((\d+)\)/g, (_, index) => `@binding(${Number(index) + by})`);
}
