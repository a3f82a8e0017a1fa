@group(0) @binding(1) var<storage, read_write> values: array<vec4<f32>>;

fn store_values(v: vec4<f32>, i: u32) {
  values[i] = v;
}
