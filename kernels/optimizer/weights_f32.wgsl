// Weights in f32.
@group(0) @binding(4) var<storage, read_write> parameter: array<vec4<f32>>;

fn weight_at(i: u32) -> vec4<f32> {
  return parameter[i];
}

fn store_weight(w: vec4<f32>, i: u32) {
  parameter[i] = w;
}
