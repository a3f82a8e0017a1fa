// A learned position for each place of a sequence, of which the rows may be a part.
override sequence: u32; // rows of each
override first_position: u32;

fn position_at(row: u32, column: u32) -> vec4<f32> {
  return positions_load4((first_position + row % sequence) * stride + column, column);
}

