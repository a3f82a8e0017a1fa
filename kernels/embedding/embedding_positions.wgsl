// A learned position for each place of a sequence.
override sequence: u32;

fn position_at(row: u32, column: u32) -> vec4<f32> {
  return positions_load4((row % sequence) * stride + column, column);
}

