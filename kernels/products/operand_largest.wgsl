// What the first step takes for the last one's: the largest absolute value in columns of x, in an operand's place. Stride in vectors.
struct Parameters { vectors: u32, stride: u32, begin: u32, end: u32, operand: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;

@compute @workgroup_size(256)
fn main(
  @builtin(global_invocation_id) id: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let first = p.begin / 4;
  let across = (p.end + 3) / 4 - first;
  var largest = vec4<u32>();
  let threads = groups.x * groups.y * 256;
  for (var at = id.y * groups.x * 256 + id.x; at < p.vectors; at += threads) {
    let column = first + at % across;
    let each = vec4(4 * column) + vec4(0u, 1u, 2u, 3u);
    let inside = (each >= vec4(p.begin)) & (each < vec4(p.end));
    largest = max(largest, select(vec4<u32>(), magnitudes(x_load4(at / across * p.stride + column, column)), inside));
  }
  atomicMax(&seen[last_seen(p.operand)].largest, largest_of(largest));
}
