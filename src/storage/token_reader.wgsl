// Scale and shift by row, and by part of SIZE channels. Padding reads as zero.
@group(GROUP) @binding(1) var<storage, read> NAME_ranges: array<vec2<f32>>;

fn NAME_range(row: u32, channel: u32) -> vec2<f32> {
  if (channel >= PARTSu * SIZEu) {
    return vec2<f32>();
  }
  return NAME_ranges[row * PARTSu + channel / SIZEu];
}

fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  let q = NAME_codes4(index, column);
  let row = (index - column) / STRIDEu;
  let a = NAME_range(row, 4 * column);
  if (SIZEu % 4u == 0u) { // a vector lies within a part
    return fma(q, vec4(a.x), vec4(a.y));
  }
  let b = NAME_range(row, 4 * column + 1);
  let c = NAME_range(row, 4 * column + 2);
  let d = NAME_range(row, 4 * column + 3);
  return fma(q, vec4(a.x, b.x, c.x, d.x), vec4(a.y, b.y, c.y, d.y));
}
