// A learned position for each place of a sequence.
@group(0) @binding(3) var<storage, read> positions: array<vec4<f32>>;
override sequence: u32;

fn position_at(row: u32, column: u32) -> vec4<f32> {
  return positions[(row % sequence) * stride + column];
}

