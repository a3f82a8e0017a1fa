// Pixels stored as f32, read as they are.
@group(GROUP) @binding(0) var<storage, read> NAME_values: array<f32>;

fn NAME_pixel(at: u32) -> f32 {
  return NAME_values[at];
}

fn NAME_pixels(at: u32) -> vec4<f32> {
  return vec4(NAME_values[at], NAME_values[at + 1], NAME_values[at + 2], NAME_values[at + 3]);
}
