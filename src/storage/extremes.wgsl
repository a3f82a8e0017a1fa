// Smallest and largest value of each column over a chunk of rows, which a workgroup shares: 16 vectors of columns wide, 16 rows at a time.
// Joined in front of the kernels that observe ranges.
const lanes = 16u;
var<workgroup> lows: array<vec4<f32>, 256>;
var<workgroup> highs: array<vec4<f32>, 256>;

struct Extremes { low: vec4<f32>, high: vec4<f32> }

// Every invocation gives what it saw of column `local % lanes`, and has that column's extremes if it is one of the first 16.
fn extremes_of(low: vec4<f32>, high: vec4<f32>, local: u32) -> Extremes {
  lows[local] = low;
  highs[local] = high;
  for (var half = 128u; half >= lanes; half /= 2) {
    workgroupBarrier();
    if (local < half) {
      lows[local] = min(lows[local], lows[local + half]);
      highs[local] = max(highs[local], highs[local + half]);
    }
  }
  return Extremes(lows[local], highs[local]);
}
