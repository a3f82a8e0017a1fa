// Advances the range estimates of one group of channels and writes the tables of its channels. A workgroup a group.
// Mesa (arXiv 2111.11124): the first batch sets (range, minimum); later ones pull them by `rate` = 1 - lambda; the update comes before
// quantizing. rate 1 means this batch alone. Tables: for each vector of columns scale, shift, 1/scale.
struct Parameters { chunks: u32, rate: f32, order: u32 }
const begin = 1u; // sets what no batch has set yet, and leaves the rest
const after = 2u; // the codes are made already: the tables say how, and the estimates are the next batch's
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> extremes: array<vec4<f32>>;
// Range, minimum and 1 once set, for each group; then the last batch's count of clipped elements, and the count that is under way.
@group(0) @binding(2) var<storage, read_write> estimates: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> tables: array<f32>;
override cols: u32;
override stride: u32; // in elements
override groups_of_channels: u32;
override bits: u32;
const threads = 256u;
const lowest = vec4(-3.0e38);
const highest = vec4(3.0e38);

struct Seen { low: vec4<f32>, high: vec4<f32> }

fn write(column: u32, scale: f32, shift: f32, inverse: f32) {
  let at = column / 4 * 12 + column % 4;
  tables[at] = scale;
  tables[at + 4] = shift;
  tables[at + 8] = inverse;
}

// The i-th extremes of a group whose first channel is `first`, which has a part of `vectors` vectors of columns for each chunk. At its ends,
// other groups' columns are left out; beyond the last chunk, the last extremes are seen again.
fn seen_at(i: u32, first: u32, vectors: u32) -> Seen {
  let inner = min(i, p.chunks * vectors - 1);
  let row = stride / 4;
  let vector = first / 4 + inner % vectors;
  let at = inner / vectors * 2 * row + vector;
  let column = vec4(vector * 4) + vec4(0u, 1u, 2u, 3u);
  let inside = column - vec4(first) < vec4(cols / groups_of_channels); // wraps below the first: then it is not inside either
  return Seen(select(highest, extremes[at], inside), select(lowest, extremes[at + row], inside));
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
  let vectors = (first + channels + 3) / 4 - first / 4;
  var low = highest;
  var high = lowest;
  for (var i = local; i < p.chunks * vectors; i += 4 * threads) {
    // Eight loads are under way at once.
    let a = seen_at(i, first, vectors);
    let b = seen_at(i + threads, first, vectors);
    let c = seen_at(i + 2 * threads, first, vectors);
    let d = seen_at(i + 3 * threads, first, vectors);
    low = min(low, min(min(a.low, b.low), min(c.low, d.low)));
    high = max(high, max(max(a.high, b.high), max(c.high, d.high)));
  }
  let span = workgroup_span(low, high, local);
  let before = bitcast<vec4<f32>>(estimates[group]);
  var estimate = vec4(span.high - span.low, span.low, 1.0, 0.0);
  if (before.z != 0.0 && p.order == begin) {
    estimate = before;
  } else if (before.z != 0.0 && p.rate != 1.0) {
    let step = (estimate.xy - before.xy) * p.rate;
    estimate = vec4(before.xy + step, 1.0, 0.0);
  }
  let used = select(estimate, before, p.order == after);
  let levels = f32((1u << bits) - 1);
  let scale = used.x / levels;
  var inverse = 0.0;
  if (used.x > 0.0) {
    inverse = levels / used.x;
  }
  for (var i = local; i < channels; i += threads) {
    write(first + i, scale, used.y, inverse);
  }
  storageBarrier();
  workgroupBarrier(); // everyone has read the old estimate
  if (local == 0) {
    estimates[group] = bitcast<vec4<u32>>(estimate);
    if (group == 0) {
      // A count under way is finished; one that quantizing will begin starts from zero.
      let counted = select(0u, estimates[groups_of_channels].y, p.order == after);
      estimates[groups_of_channels] = vec4(counted, 0u, 0u, 0u);
      for (var column = cols; column < stride; column++) {
        write(column, 0.0, 0.0, 0.0);
      }
    }
  }
}
