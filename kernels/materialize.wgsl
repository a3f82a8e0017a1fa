// out = what operand x reads, element by element. A thread takes four vectors, so that four loads are under way at once.
struct Parameters { vectors: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
override stride: u32; // in vectors

fn x_at(at: u32) -> vec4<f32> {
  let inside = min(at, p.vectors - 1);
  return x_load4(inside, inside % stride);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * 256 + local;
  let a = x_at(at);
  let b = x_at(at + 64);
  let c = x_at(at + 128);
  let d = x_at(at + 192);
  if (at < p.vectors) { out[at] = a; }
  if (at + 64 < p.vectors) { out[at + 64] = b; }
  if (at + 128 < p.vectors) { out[at + 128] = c; }
  if (at + 192 < p.vectors) { out[at + 192] = d; }
}
