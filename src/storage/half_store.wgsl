// Stores f32 vectors as f16, two to a word, rounded to nearest; beyond the largest f16 they saturate.
struct Parameters { vectors: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> halves: array<vec2<u32>>;

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
  let v = clamp(x[at], vec4(-65504.0), vec4(65504.0));
  halves[at] = vec2(pack2x16float(v.xy), pack2x16float(v.zw));
}
