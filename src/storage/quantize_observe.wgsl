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
var<workgroup> exchanged: array<u32, 512>;

fn estimate(group: u32, which: u32) -> f32 {
  return bitcast<f32>(atomicLoad(&estimates[4 * group + which]));
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
  var shift = vec4<f32>();
  var inverse = vec4<f32>();
  for (var i = 0u; i < 4 && 4 * column + i < cols; i++) {
    let channels = (4 * column + i) / (cols / groups_of_channels);
    let range = estimate(channels, 0);
    shift[i] = estimate(channels, 1);
    if (range > 0.0) {
      inverse[i] = f32((1u << bits) - 1) / range;
    }
  }

  let vectors = 8 / bits; // of four codes in a word
  let row_words = (stride + vectors - 1) / vectors;
  let end = min((chunk + 1) * p.chunk, p.rows);
  var low = vec4(3.0e38);
  var high = vec4(-3.0e38);
  var count = 0u;
  // The next row is loaded while this one is rounded; beyond the chunk, its last row.
  let loaded = min(column, stride - 1);
  var next = x[min(chunk * p.chunk + local / lanes, end - 1) * stride + loaded];
  for (var first = chunk * p.chunk; first < end; first += lanes) {
    let row = first + local / lanes;
    let inside = row < end && column < stride;
    let v = next;
    next = x[min(row + lanes, end - 1) * stride + loaded];
    var encoded = Encoded();
    if (inside) {
      let vector = row * stride + column;
      low = min(low, v);
      high = max(high, v);
      encoded = encode4(v, shift, inverse, p.first_vector + vector, p.stream);
      count += encoded.clipped;
    }
    var word = encoded.codes;
    if (vectors > 1) {
      // The first of a word's threads gathers the others' codes; two halves in turn, so that one barrier will do.
      let slot = first / lanes % 2 * 256 + local;
      exchanged[slot] = word;
      workgroupBarrier();
      for (var i = 1u; i < vectors && column % vectors == 0; i++) {
        word |= exchanged[slot + i] << (4 * bits * i);
      }
    }
    if (inside && column % vectors == 0) {
      codes[row * row_words + column / vectors] = word;
    }
  }
  if (count > 0) {
    atomicAdd(&estimates[4 * groups_of_channels + 1], count);
  }
  let seen = extremes_of(low, high, local);
  if (local < lanes && column < stride) {
    let at = (p.first_chunk + chunk) * 2 * stride + column;
    extremes[at] = seen.low;
    extremes[at + stride] = seen.high;
  }
}
