@group(0) @binding(1) var<storage, read_write> values: array<vec2<u32>>;

fn store_values(v: vec4<f32>, i: u32) {
  values[i] = to_bf16(v);
}
