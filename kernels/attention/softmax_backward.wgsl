// ds = p * (dp - sum(p * dp)) by rows and heads, in place of dp: head h of a row lies in `vectors` vectors of four from h * vectors on.
// Keys beyond the sequence, or with `causal` after the query, count nowhere and become zero. Operand p reads the probabilities. A
// workgroup a row and head.
struct Parameters { rows: u32, sequence: u32, heads: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> d: array<vec4<f32>>;
override vectors: u32;
override causal: bool;

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
  var sum = 0.0;
  for (var i = local; i * 4 < keys; i += threads) {
    let seen = vec4(i * 4) + vec4(0u, 1u, 2u, 3u) < vec4(keys);
    sum += sum4(select(vec4<f32>(), p_load4(first + i, first_column + i) * d[first + i], seen));
  }
  let along = workgroup_sum(sum, local);
  for (var i = local; i < vectors; i += threads) {
    let seen = vec4(i * 4) + vec4(0u, 1u, 2u, 3u) < vec4(keys);
    d[first + i] = select(vec4<f32>(), p_load4(first + i, first_column + i) * (d[first + i] - along), seen);
  }
}
