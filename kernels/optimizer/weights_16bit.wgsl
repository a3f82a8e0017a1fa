// Weights in 16 bits, two to a word, rounded up or down at random, the likelier the nearer: a step that reaches no next number moves the mean
// all the same. `from_16bit` and `to_16bit` say which 16 bits.
@group(0) @binding(4) var<storage, read_write> parameter: array<vec2<u32>>;

fn weight_at(i: u32) -> vec4<f32> {
  return from_16bit(parameter[i]);
}

fn store_weight(w: vec4<f32>, i: u32) {
  let at = 4 * (p.first_vector + i);
  let key = pcg(step.seed ^ 0x9e3779b9);
  let codes = to_16bit(w, vec4(pcg(at ^ key), pcg((at + 1) ^ key), pcg((at + 2) ^ key), pcg((at + 3) ^ key)));
  parameter[i] = vec2(codes.x | (codes.y << 16), codes.z | (codes.w << 16));
}
