// x[row] = positions[t] + (t == 0 ? class_token : bias), t the row's token.
struct Parameters { vectors: u32, first_token: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(2) var<storage, read> class_token: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> x: array<vec4<f32>>;
override stride: u32; // in vectors
override tokens: u32;

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
  let token = (p.first_token + at / stride) % tokens;
  let column = at % stride;
  var value = bias[column];
  if (token == 0) {
    value = class_token[column];
  }
  x[at] = positions_load4(token * stride + column, column) + value;
}
