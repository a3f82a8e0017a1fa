// Rounds a vector of four numbers to codes: q = clamp(floor((x - shift) / scale + u), 0, 2^bits - 1), u = 1/2 to nearest, or uniform on
// the 256 midpoints of [0, 1), which is unbiased. One 32-bit counter-based hash gives the four numbers. Joined in front of the kernels
// that quantize.
@group(0) @binding(1) var<storage, read> step: array<u32>;
override bits: u32;
override stochastic: bool;

// The four codes in the lowest 4 * bits bits, and how many of them the clamp changed.
struct Encoded { codes: u32, clipped: u32 }

// PCG's output permutation over a 32-bit state (O'Neill 2014; Jarzynski & Olano 2020).
fn pcg(seed: u32) -> u32 {
  let state = seed * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

// `at` is the vector's place in the whole tensor, `stream` the tensor's in the program.
fn encode4(x: vec4<f32>, shift: vec4<f32>, inverse: vec4<f32>, at: u32, stream: u32) -> Encoded {
  var u = vec4(0.5);
  if (stochastic) {
    let random = pcg(pcg(at) ^ pcg(pcg(stream) ^ step[0]));
    u = (vec4<f32>((vec4(random) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u)) + 0.5) / 256.0;
  }
  let q = floor((x - shift) * inverse + u);
  let bounded = clamp(q, vec4<f32>(), vec4(f32((1u << bits) - 1)));
  let codes = vec4<u32>(bounded) << (vec4(0u, 1u, 2u, 3u) * bits);
  let outside = vec4<u32>(q != bounded);
  return Encoded(codes.x | codes.y | codes.z | codes.w, outside.x + outside.y + outside.z + outside.w);
}
