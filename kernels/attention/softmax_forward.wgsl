// p = softmax(s) by rows and heads: head h of a row lies in `vectors` vectors of four from h * vectors on. Keys beyond the sequence, or
// with `causal` after the query, count nowhere and become zero. A workgroup a row and head; the maximum and the sum of exponentials are
// kept online, so the scores are read twice. Operand s reads from a matrix of its own, or from p itself.
struct Parameters { rows: u32, sequence: u32, heads: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> probabilities: array<vec4<f32>>;
override vectors: u32;
override causal: bool;
const lowest = -3.0e38;

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let index = group.y * groups.x + group.x; // of a row and head
  if (index >= p.rows * p.heads) {
    return;
  }
  let keys = select(p.sequence, index / p.heads % p.sequence + 1, causal);
  let first_column = index % p.heads * vectors;
  let first = index * vectors;
  var highest = lowest;
  var sum = 0.0;
  for (var i = local; i * 4 < keys; i += threads) {
    let seen = vec4(i * 4) + vec4(0u, 1u, 2u, 3u) < vec4(keys);
    let z = select(vec4(lowest), s_load4(first + i, first_column + i), seen);
    let top = max(highest, max(max(z.x, z.y), max(z.z, z.w)));
    sum = sum * exp(highest - top) + sum4(exp(z - top));
    highest = top;
  }
  let top = workgroup_max(highest, local);
  let total = workgroup_sum(sum * exp(highest - top), local);
  for (var i = local; i < vectors; i += threads) {
    let seen = vec4(i * 4) + vec4(0u, 1u, 2u, 3u) < vec4(keys);
    let z = select(vec4(lowest), s_load4(first + i, first_column + i), seen);
    probabilities[first + i] = exp(z - top) / total;
  }
}
