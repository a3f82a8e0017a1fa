// Normal numbers of mean 0, from whole numbers and one product each, so that every adapter and runtime makes the same bits: the sum of
// twelve uniform numbers of 16 bits less its mean (Irwin 1927, Hall 1927), times the deviation; ±6 deviations are the farthest there is.
// A counter-based hash of the element's place gives the bits. Padding is zero.
struct Parameters { vectors: u32, first: u32, row_vectors: u32, cols: u32, stream: u32, unit: f32 }
@group(0) @binding(0) var<uniform> p: Parameters;

const draws = 6u; // of two numbers each
const mean = i32(draws) * 65535;

fn sum_of_twelve(element: u32, key: u32) -> i32 {
  let place = pcg(element);
  var sum = 0u;
  for (var draw = 0u; draw < draws; draw++) {
    let random = pcg(place ^ pcg(key ^ draw));
    sum += (random & 65535u) + (random >> 16u);
  }
  return i32(sum) - mean;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let i = (group.y * groups.x + group.x) * 64 + local;
  if (i >= p.vectors) {
    return;
  }
  let at = p.first + i; // of the whole tensor
  let row = at / p.row_vectors;
  let cols = 4 * (at - row * p.row_vectors) + vec4(0u, 1u, 2u, 3u);
  let elements = row * p.cols + cols;
  let key = pcg(p.stream);
  let sums = vec4(
    sum_of_twelve(elements.x, key),
    sum_of_twelve(elements.y, key),
    sum_of_twelve(elements.z, key),
    sum_of_twelve(elements.w, key),
  );
  store_values(select(vec4<f32>(), vec4<f32>(sums) * p.unit, cols < vec4(p.cols)), i);
}
