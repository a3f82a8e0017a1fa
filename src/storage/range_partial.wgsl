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
  var low = vec4(3.0e38);
  var high = vec4(-3.0e38);
  if (column < stride) {
    let last = min((chunk + 1) * p.chunk, p.rows) - 1;
    for (var row = chunk * p.chunk + local / lanes; row <= last; row += 4 * lanes) {
      // Four loads are under way at once; beyond the chunk its last row is seen again.
      let a = x[row * stride + column];
      let b = x[min(row + lanes, last) * stride + column];
      let c = x[min(row + 2 * lanes, last) * stride + column];
      let d = x[min(row + 3 * lanes, last) * stride + column];
      low = min(low, min(min(a, b), min(c, d)));
      high = max(high, max(max(a, b), max(c, d)));
    }
  }
  let seen = extremes_of(low, high, local);
  if (local < lanes && column < stride) {
    let at = (p.first_chunk + chunk) * 2 * stride + column;
    extremes[at] = seen.low;
    extremes[at + stride] = seen.high;
  }
}
