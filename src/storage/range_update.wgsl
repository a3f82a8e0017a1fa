// Advances the range estimates of one group of channels and writes the tables of its channels. A workgroup a group.
// Mesa (arXiv 2111.11124): the first batch sets (range, minimum); later ones pull them by `rate` = 1 - lambda; the update comes before
// quantizing. rate 1 means this batch alone. Tables: for each vector of columns scale, shift, 1/scale.
struct Parameters { chunks: u32, rate: f32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> extremes: array<f32>;
@group(0) @binding(2) var<storage, read_write> estimates: array<vec4<f32>>; // range, minimum, 1 once set; then the count of clipped
@group(0) @binding(3) var<storage, read_write> tables: array<f32>;
override cols: u32;
override stride: u32; // in elements
override groups_of_channels: u32;
const threads = 64u;
var<workgroup> lows: array<f32, threads>;
var<workgroup> highs: array<f32, threads>;

fn write(column: u32, scale: f32, shift: f32, inverse: f32) {
  let at = column / 4 * 12 + column % 4;
  tables[at] = scale;
  tables[at + 4] = shift;
  tables[at + 8] = inverse;
}

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  if (group >= groups_of_channels) {
    return;
  }
  let channels = cols / groups_of_channels;
  let first = group * channels;
  var low = 3.0e38;
  var high = -3.0e38;
  for (var i = local; i < p.chunks * channels; i += threads) {
    let at = i / channels * 2 * stride + first + i % channels;
    low = min(low, extremes[at]);
    high = max(high, extremes[at + stride]);
  }
  lows[local] = low;
  highs[local] = high;
  for (var half = threads / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (local < half) {
      lows[local] = min(lows[local], lows[local + half]);
      highs[local] = max(highs[local], highs[local + half]);
    }
  }
  workgroupBarrier();
  var estimate = vec4(highs[0] - lows[0], lows[0], 1.0, 0.0);
  let before = estimates[group];
  if (before.z != 0.0 && p.rate != 1.0) {
    let step = (estimate.xy - before.xy) * p.rate;
    estimate = vec4(before.xy + step, 1.0, 0.0);
  }
  let scale = estimate.x / 255.0;
  var inverse = 0.0;
  if (estimate.x > 0.0) {
    inverse = 255.0 / estimate.x;
  }
  for (var i = local; i < channels; i += threads) {
    write(first + i, scale, estimate.y, inverse);
  }
  storageBarrier();
  workgroupBarrier(); // everyone has read the old estimate
  if (local == 0) {
    estimates[group] = estimate;
    if (group == 0) {
      estimates[groups_of_channels] = vec4<f32>(); // the count of clipped elements starts again
      for (var column = cols; column < stride; column++) {
        write(column, 0.0, 0.0, 0.0);
      }
    }
  }
}
