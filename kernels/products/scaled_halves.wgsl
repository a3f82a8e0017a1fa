// out = x times its scale as an operand, in halves, eight to an element, as the kernel that multiplies it would put it down; and sees x for the
// next step, as that would. A thread takes an element of four rows, so that eight loads are under way at once.
struct Parameters { rows: u32, operand: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<u32>>;
override stride: u32; // in elements
override x_stride: u32; // in vectors
var<workgroup> last: u32; // what the last step saw: one load a workgroup

fn vector(row: u32, column: u32) -> vec4<f32> {
  let inside = min(column, x_stride - 1);
  return select(vec4<f32>(), x_load4(min(row, p.rows - 1) * x_stride + inside, inside), column == inside);
}

// Puts an element down, and returns what was seen with it; of no row beyond the matrix.
fn put(row: u32, column: u32, x: vec4<f32>, y: vec4<f32>, scale: f32, saw: vec2<u32>) -> vec2<u32> {
  if (row >= p.rows) {
    return saw;
  }
  out[row * stride + column] = halves(within_halves(scale * x), within_halves(scale * y));
  return sees(sees(saw, x, scale), y, scale);
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  if (local == 0) {
    last = seen_before();
  }
  let flat = (group.y * groups.x + group.x) * 256 + local;
  let column = flat % stride;
  let row = vec4(flat / stride * 4) + vec4(0u, 1u, 2u, 3u);
  let a0 = vector(row.x, 2 * column);
  let a1 = vector(row.x, 2 * column + 1);
  let b0 = vector(row.y, 2 * column);
  let b1 = vector(row.y, 2 * column + 1);
  let c0 = vector(row.z, 2 * column);
  let c1 = vector(row.z, 2 * column + 1);
  let d0 = vector(row.w, 2 * column);
  let d1 = vector(row.w, 2 * column + 1);
  workgroupBarrier();
  let scale = scale_from(last).x;
  var saw = put(row.x, column, a0, a1, scale, vec2<u32>());
  saw = put(row.y, column, b0, b1, scale, saw);
  saw = put(row.z, column, c0, c1, scale, saw);
  saw = put(row.w, column, d0, d1, scale, saw);
  tell_all(local, lane, saw);
}
