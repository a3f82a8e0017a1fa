// Patches of images as rows of a matrix: row 0 of an image's tokens is zero, row 1 + i holds its i-th patch, column (channel P + y) P + x.
fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  let row = index / NAME_vectors;
  let token = row % NAME_tokens;
  if (token == 0) {
    return vec4<f32>();
  }
  let across = NAME_image / NAME_patch;
  let corner = row / NAME_tokens * NAME_pitch
    + (token - 1) / across * NAME_patch * NAME_image + (token - 1) % across * NAME_patch;
  let first = 4 * column;
  if (NAME_patch % 4 == 0) {
    return NAME_pixels(corner + NAME_place(first));
  }
  var value = vec4<f32>();
  for (var i = 0u; i < 4; i++) {
    if (first + i < 3 * NAME_patch * NAME_patch) {
      value[i] = NAME_pixel(corner + NAME_place(first + i));
    }
  }
  return value;
}

// Where a column's pixel lies, counted from the patch's corner.
fn NAME_place(column: u32) -> u32 {
  let line = column / NAME_patch;
  return (line / NAME_patch * NAME_image + line % NAME_patch) * NAME_image + column % NAME_patch;
}
