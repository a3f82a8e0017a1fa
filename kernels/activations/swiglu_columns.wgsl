// Columns of what operand h reads: gates from column 0 on, and what they let pass from `hidden` on. Joined in front of both kernels.
override hidden: u32;
override h_stride: u32; // in vectors

// Four columns, neighbours within one half; where halves are not whole vectors, they are gathered.
fn h_columns(row: u32, columns: vec4<u32>) -> vec4<f32> {
  if (hidden % 4 == 0) {
    let column = columns.x / 4;
    return h_load4(row * h_stride + column, column);
  }
  var values = vec4<f32>();
  for (var j = 0u; j < 4; j++) {
    let e = min(columns[j], 2 * hidden - 1);
    values[j] = h_load4(row * h_stride + e / 4, e / 4)[e % 4];
  }
  return values;
}

fn logistic(x: vec4<f32>) -> vec4<f32> {
  return 1.0 / (1.0 + exp(clamp(-x, vec4(-80.0), vec4(80.0))));
}
