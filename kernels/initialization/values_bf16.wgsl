@group(0) @binding(1) var<storage, read_write> values: array<vec2<u32>>;

// To nearest, ties to even.
fn store_values(v: vec4<f32>, i: u32) {
  let bits = bitcast<vec4<u32>>(v);
  let high = (bits + vec4(0x7fff) + ((bits >> vec4(16)) & vec4(1))) >> vec4(16);
  values[i] = vec2(high.x | (high.y << 16), high.z | (high.w << 16));
}
