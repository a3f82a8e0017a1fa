// x * y, element by element.
fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  return NAME_left_load4(index, column) * NAME_right_load4(index, column);
}
