// Stores f32 vectors as four 8-bit codes: q = clamp(floor((x - shift) / scale + u), 0, 255), u = 1/2 to nearest, or uniform on the
// 256 midpoints of [0, 1), which is unbiased. One 32-bit counter-based hash gives a word's four numbers. Counts what the clamp changed.
struct Parameters { words: u32, first_word: u32, stream: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> step: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> tables: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> codes: array<u32>;
@group(0) @binding(5) var<storage, read_write> clipped: array<atomic<u32>>;
override stride: u32; // in vectors
override stochastic: bool;
override counter: u32; // where in `clipped` the count is

// PCG's output permutation over a 32-bit state (O'Neill 2014; Jarzynski & Olano 2020).
fn pcg(seed: u32) -> u32 {
  let state = seed * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * 64 + local;
  if (at >= p.words) {
    return;
  }
  let column = at % stride;
  var u = vec4(0.5);
  if (stochastic) {
    let random = pcg(pcg(pcg(p.first_word + at) ^ p.stream) ^ step[0]);
    u = (vec4<f32>((vec4(random) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u)) + 0.5) / 256.0;
  }
  let q = floor((x[at] - tables[3 * column + 1]) * tables[3 * column + 2] + u);
  let bounded = clamp(q, vec4<f32>(), vec4(255.0));
  codes[at] = dot(vec4<u32>(bounded), vec4(1u, 1u << 8u, 1u << 16u, 1u << 24u));
  let outside = vec4<u32>(q != bounded);
  let count = outside.x + outside.y + outside.z + outside.w;
  if (count > 0) {
    atomicAdd(&clipped[counter], count);
  }
}
