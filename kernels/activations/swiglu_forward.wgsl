// y = gate * logistic(gate) * up, both as operand h reads them. A thread a vector of y.
struct Parameters { vectors: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
override y_stride: u32; // in vectors

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * 64 + local;
  if (at >= p.vectors) {
    return;
  }
  let row = at / y_stride;
  let columns = vec4(at % y_stride * 4) + vec4(0u, 1u, 2u, 3u);
  let gate = h_columns(row, columns);
  let up = h_columns(row, columns + hidden);
  y[at] = select(vec4<f32>(), gate * logistic(gate) * up, columns < vec4(hidden));
}
