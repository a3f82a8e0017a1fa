// out = x times its scale as an operand of a product, in halves, eight to an element, as the product would put it down; and looks at x for the
// next step, as it would. A thread takes an element of four rows, so that eight loads are under way at once.
struct Parameters { rows: u32, operand: u32, looks: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<u32>>;
override stride: u32; // in elements
override x_stride: u32; // in vectors
var<workgroup> last: u32; // what the last step saw: one atomic load a workgroup
var<workgroup> largest: atomic<u32>;
var<workgroup> clipped: atomic<u32>;

fn vector(row: u32, column: u32) -> vec4<f32> {
  let inside = min(column, x_stride - 1);
  return select(vec4<f32>(), x_load4(min(row, p.rows - 1) * x_stride + inside, inside), column == inside);
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  if (local == 0) {
    last = atomicLoad(&seen[last_seen(p.operand)].largest);
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
  let limit = bitcast<u32>(halves_reach * inverse_of(scale));
  var saw = vec2<u32>();
  if (row.x < p.rows) {
    out[row.x * stride + column] = halves(within_halves(scale * a0), within_halves(scale * a1));
    saw = looked(looked(saw, a0, limit), a1, limit);
  }
  if (row.y < p.rows) {
    out[row.y * stride + column] = halves(within_halves(scale * b0), within_halves(scale * b1));
    saw = looked(looked(saw, b0, limit), b1, limit);
  }
  if (row.z < p.rows) {
    out[row.z * stride + column] = halves(within_halves(scale * c0), within_halves(scale * c1));
    saw = looked(looked(saw, c0, limit), c1, limit);
  }
  if (row.w < p.rows) {
    out[row.w * stride + column] = halves(within_halves(scale * d0), within_halves(scale * d1));
    saw = looked(looked(saw, d0, limit), d1, limit);
  }
  if (p.looks != 0) {
    let subgroup_largest = subgroupMax(saw.x);
    let subgroup_clipped = subgroupAdd(saw.y);
    if (lane == 0) {
      atomicMax(&largest, subgroup_largest);
      atomicAdd(&clipped, subgroup_clipped);
    }
    workgroupBarrier();
    if (local == 0) {
      atomicMax(&seen[now_seen(p.operand)].largest, atomicLoad(&largest));
      atomicAdd(&seen[now_seen(p.operand)].clipped, atomicLoad(&clipped));
    }
  }
}
