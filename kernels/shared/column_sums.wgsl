// Sums of what `terms` gives over chunks of rows, stored by chunk and column. A workgroup takes `lanes` vectors of columns and one chunk;
// its 256 / lanes rows at a time are added in a fixed order.
struct Parameters { rows: u32, chunk: u32, first_chunk: u32, accumulate: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
override stride: u32; // in vectors
override lanes: u32; // 4, 16 or 64
var<workgroup> sums: array<Sums, 256>;

// What a row adds, nothing beyond the last one.
fn terms_at(row: u32, column: u32, last: u32) -> Sums {
  return terms(min(row, last) * stride + column, column, row <= last);
}

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
  var sum = Sums();
  if (column < stride) {
    let last = min((chunk + 1) * p.chunk, p.rows) - 1;
    for (var row = chunk * p.chunk + local / lanes; row <= last; row += 4 * rows) {
      // Four loads are under way at once.
      let a = terms_at(row, column, last);
      let b = terms_at(row + rows, column, last);
      let c = terms_at(row + 2 * rows, column, last);
      let d = terms_at(row + 3 * rows, column, last);
      sum += (a + b) + (c + d);
    }
  }
  sums[local] = sum;
  for (var quarter = 64u; quarter >= lanes; quarter /= 4) {
    workgroupBarrier();
    if (local < quarter) {
      sums[local] = (sums[local] + sums[local + quarter]) + (sums[local + 2 * quarter] + sums[local + 3 * quarter]);
    }
  }
  if (local < lanes && column < stride) {
    store((p.first_chunk + chunk) * stride + column, sums[local]);
  }
}
