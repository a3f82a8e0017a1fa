// Stores f32 vectors as codes by the estimates as they stand, and gathers the extremes of each column for the next ones, in one pass.
// A workgroup takes a chunk of rows as range_partial.wgsl does.
struct Parameters { rows: u32, chunk: u32, first_chunk: u32, first_vector: u32, stream: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> extremes: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> codes: array<u32>;
@group(0) @binding(5) var<storage, read_write> estimates: array<atomic<u32>>;
override cols: u32;
override stride: u32; // in vectors
override groups_of_channels: u32;
const threads = 256u;
var<workgroup> clipped: atomic<u32>;

fn estimate(group: u32, which: u32) -> f32 {
  return bitcast<f32>(atomicLoad(&estimates[4 * group + which]));
}

@compute @workgroup_size(threads)
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
  // Atomic loads pass by the caches: one for each group that the tile has a part of.
  let first_channel = (flat % tiles) * lanes * 4;
  let first_group = first_channel / group_size;
  let estimated = first_group + local;
  if (estimated < groups_of_channels && estimated * group_size < first_channel + 4 * lanes) {
    quantizers[local] = quantizer(estimate(estimated, 0), estimate(estimated, 1));
  }
  workgroupBarrier();
  let column = first_channel / 4 + local % lanes;
  let by = quantizer4(column, first_group);

  let key = key_of(p.stream);
  let vectors = 8 / bits; // of four codes in a word
  let row_words = (stride + vectors - 1) / vectors;
  let writes = column < stride && column % vectors == 0;
  let rows = threads / lanes; // at a time
  let end = min((chunk + 1) * p.chunk, p.rows);
  let loaded = min(column, stride - 1);
  var seen = Extremes(vec4(3.0e38), vec4(-3.0e38));
  var count = 0u;
  for (var first = chunk * p.chunk; first < end; first += 4 * rows) {
    // Four loads are under way at once; beyond the chunk its last row is seen again.
    let row = vec4(first + local / lanes) + vec4(0u, 1u, 2u, 3u) * rows;
    let inside = row < vec4(end);
    let at = min(row, vec4(end - 1)) * stride + vec4(loaded);
    let v = mat4x4(x[at.x], x[at.y], x[at.z], x[at.w]);
    seen = widened(seen, v);
    let encoded = encode_rows(v, by.shift, by.inverse, at + vec4(p.first_vector), key);
    let outside = select(vec4<u32>(), encoded.clipped, inside);
    count += (outside.x + outside.y) + (outside.z + outside.w);
    let words = gathered(encoded.codes, local);
    let to = row * row_words + vec4(column / vectors);
    if (writes && inside.x) { codes[to.x] = words.x; }
    if (writes && inside.y) { codes[to.y] = words.y; }
    if (writes && inside.z) { codes[to.z] = words.z; }
    if (writes && inside.w) { codes[to.w] = words.w; }
  }
  if (count > 0 && column < stride) {
    atomicAdd(&clipped, count);
  }
  let all = extremes_of(seen, local);
  if (local < lanes && column < stride) {
    let at = (p.first_chunk + chunk) * 2 * stride + column;
    extremes[at] = all.low;
    extremes[at + stride] = all.high;
  }
  if (local == 0 && atomicLoad(&clipped) > 0) { // behind the barriers of extremes_of
    atomicAdd(&estimates[4 * groups_of_channels + 1], atomicLoad(&clipped));
  }
}
