// What the first step takes for the last one's: the largest absolute value of operand x, in OPERAND's place.
struct Parameters { vectors: u32, stride: u32, operand: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;

@compute @workgroup_size(256)
fn main(
  @builtin(global_invocation_id) id: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  var largest = vec4<u32>();
  let threads = groups.x * groups.y * 256;
  for (var at = id.y * groups.x * 256 + id.x; at < p.vectors; at += threads) {
    largest = max(largest, magnitudes(x_load4(at, at % p.stride)));
  }
  atomicMax(&seen[last_seen(p.operand)].largest, largest_of(largest));
}
