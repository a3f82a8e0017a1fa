// Smallest and largest value of each column over a chunk of rows, which a workgroup shares: `lanes` vectors of columns wide, 256 / lanes
// rows at a time. Joined in front of the kernels that observe ranges.
override lanes: u32; // 16 or 64
var<workgroup> lows: array<vec4<f32>, 256>;
var<workgroup> highs: array<vec4<f32>, 256>;

struct Extremes { low: vec4<f32>, high: vec4<f32> }

// What a vector of four rows adds to the extremes of its columns.
fn widened(seen: Extremes, v: mat4x4<f32>) -> Extremes {
  return Extremes(
    min(seen.low, min(min(v[0], v[1]), min(v[2], v[3]))),
    max(seen.high, max(max(v[0], v[1]), max(v[2], v[3]))),
  );
}

// Every invocation gives what it saw of column `local % lanes`, and has that column's extremes if it is one of the first `lanes`.
fn extremes_of(seen: Extremes, local: u32) -> Extremes {
  lows[local] = seen.low;
  highs[local] = seen.high;
  for (var quarter = 64u; quarter >= lanes; quarter /= 4) {
    workgroupBarrier();
    if (local < quarter) {
      let b = local + quarter;
      let c = b + quarter;
      let d = c + quarter;
      lows[local] = min(min(lows[local], lows[b]), min(lows[c], lows[d]));
      highs[local] = max(max(highs[local], highs[b]), max(highs[c], highs[d]));
    }
  }
  return Extremes(lows[local], highs[local]);
}
