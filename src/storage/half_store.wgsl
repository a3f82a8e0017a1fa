// Stores f32 vectors as f16, two to a word, rounded to nearest; beyond the largest f16 they saturate, what is no number stays none. A thread
// takes four vectors, so that four loads are under way at once.
struct Parameters { vectors: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> halves: array<vec2<u32>>;

fn halves_at(at: u32) -> vec2<u32> {
  let v = x[min(at, p.vectors - 1)];
  let kept = clamp(v, vec4(-65504.0), vec4(65504.0));
  let none = select(vec4<u32>(), vec4(0x7e00), no_numbers(v)); // bits which make none of anything
  return vec2(pack2x16float(kept.xy), pack2x16float(kept.zw)) |
    vec2(none.x | (none.y << 16), none.z | (none.w << 16));
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * 256 + local;
  let a = halves_at(at);
  let b = halves_at(at + 64);
  let c = halves_at(at + 128);
  let d = halves_at(at + 192);
  if (at < p.vectors) { halves[at] = a; }
  if (at + 64 < p.vectors) { halves[at + 64] = b; }
  if (at + 128 < p.vectors) { halves[at + 128] = c; }
  if (at + 192 < p.vectors) { halves[at + 192] = d; }
}
