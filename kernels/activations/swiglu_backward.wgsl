// dh from d, the gradient of y = gate * s * up with s = logistic(gate), both as operand h reads them: of gates d * up * s * (1 + gate * (1 - s)),
// of what they let pass d * gate * s. A thread a vector of dh.
struct Parameters { vectors: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> d: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dh: array<vec4<f32>>;
override d_stride: u32; // in vectors

fn d_columns(row: u32, columns: vec4<u32>) -> vec4<f32> {
  if (hidden % 4 == 0) {
    return d[row * d_stride + columns.x / 4];
  }
  var values = vec4<f32>();
  for (var j = 0u; j < 4; j++) {
    let e = min(columns[j], hidden - 1);
    values[j] = d[row * d_stride + e / 4][e % 4];
  }
  return values;
}

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
  let row = at / h_stride;
  let own = vec4(at % h_stride * 4) + vec4(0u, 1u, 2u, 3u);
  let of_gates = own < vec4(hidden);
  let columns = select(own - hidden, own, of_gates);
  let gate = h_columns(row, columns);
  let up = h_columns(row, columns + hidden);
  let s = logistic(gate);
  let slope = select(gate * s, up * s * (1.0 + gate * (1.0 - s)), of_gates);
  dh[at] = select(vec4<f32>(), d_columns(row, columns) * slope, own < vec4(2 * hidden));
}
