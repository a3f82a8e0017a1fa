// Smallest and largest value of each column over chunks of rows: extremes[chunk] holds a row of minima, then a row of maxima.
struct Parameters { rows: u32, chunk: u32, first_chunk: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> extremes: array<vec4<f32>>;
override stride: u32; // in vectors

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let tiles = (stride + lanes - 1) / lanes;
  let flat = group.y * groups.x + group.x;
  let chunk = flat / tiles;
  if (chunk * p.chunk >= p.rows) {
    return;
  }
  let column = (flat % tiles) * lanes + local % lanes;
  let rows = 256 / lanes; // at a time
  var seen = Extremes(vec4(3.0e38), vec4(-3.0e38));
  if (column < stride) {
    let last = min((chunk + 1) * p.chunk, p.rows) - 1;
    for (var row = chunk * p.chunk + local / lanes; row <= last; row += 4 * rows) {
      // Four loads are under way at once; beyond the chunk its last row is seen again.
      let rest = min(vec3(row) + vec3(1u, 2u, 3u) * rows, vec3(last)) * stride + vec3(column);
      seen = widened(seen, mat4x4(x[row * stride + column], x[rest.x], x[rest.y], x[rest.z]));
    }
  }
  let all = extremes_of(seen, local);
  if (local < lanes && column < stride) {
    let at = (p.first_chunk + chunk) * 2 * stride + column;
    extremes[at] = all.low;
    extremes[at + stride] = all.high;
  }
}
