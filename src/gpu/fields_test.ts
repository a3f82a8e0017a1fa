import { assertEquals, assertThrows } from "@std/assert";
import { fieldsOf, packFields } from "./fields.ts";

const text = `
struct Other { x: u32 }
struct Parameters {
  rows: u32, // of the window, not of all
  scale: f32,
  last: u32,
}
@group(0) @binding(0) var<uniform> p: Parameters;`;

Deno.test("fieldsOf() reads the fields of one struct in order, and none where there is no such struct", () => {
  assertEquals(fieldsOf(text, "Parameters").map(({ name, type }) => `${name} ${type}`), [
    "rows u32",
    "scale f32",
    "last u32",
  ]);
  assertEquals(fieldsOf("fn main() {}", "Parameters"), []);
  assertThrows(() => fieldsOf("struct P { v: vec4<f32> }", "P"), Error, '"v: vec4<f32>" is no field');
});

Deno.test("packFields() follows the struct's order, whatever the order of the values", () => {
  const words = new Uint32Array(4);
  packFields(fieldsOf(text, "Parameters"), { last: 1, scale: 1.5, rows: 7 }, words);
  assertEquals([...words], [7, 0x3fc00000, 1, 0]);
});

Deno.test("packFields() names the field without a value and the value without a field", () => {
  const fields = fieldsOf(text, "Parameters");
  const words = new Uint32Array(4);
  assertThrows(() => packFields(fields, { rows: 1, scale: 1 }, words), Error, "Field last has no value");
  const more = { rows: 1, scale: 1, last: 1, lst: 1 };
  assertThrows(() => packFields(fields, more, words), Error, "There is no field lst");
});
