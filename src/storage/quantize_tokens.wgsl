// Finds the range of each part of a row, and stores the row as codes by these ranges: nothing lies outside them. A workgroup a row, which
// is loaded once: each thread keeps four vectors of it, and loads again what is wider. Rows of codes are whole words. `ranges`: scale and
// shift by row and part.
struct Parameters { rows: u32, first_row: u32, stream: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> ranges: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> codes: array<u32>;
override cols: u32;
override stride: u32; // in vectors
override parts: u32;
override threads: u32;
const lowest = vec4(-3.0e38);
const highest = vec4(3.0e38);

struct Seen { low: vec4<f32>, high: vec4<f32> }

// What vector `column`, v, adds to the extremes of a part.
fn widened_by(seen: Seen, v: vec4<f32>, column: u32, part: u32) -> Seen {
  let channels = vec4(4 * column) + vec4(0u, 1u, 2u, 3u);
  let inside = channels - vec4(part * group_size) < vec4(group_size); // wraps below the part: then it is not inside either
  return Seen(min(seen.low, select(highest, v, inside)), max(seen.high, select(lowest, v, inside)));
}

// The codes of vector `column` of a row, v; none beyond the row.
fn codes_of(v: vec4<f32>, column: u32, row: u32, key: u32) -> u32 {
  let by = quantizer4(column, 0);
  let code = encode4(v, by.shift, by.inverse, (p.first_row + row) * stride + column, key).codes;
  return select(0u, code, column < stride);
}

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) {
    return;
  }
  let first = row * stride;
  var column = vec4(local) + vec4(0u, 1u, 2u, 3u) * threads;
  let beyond = local + 4 * threads;
  var at = vec4(first) + min(column, vec4(stride - 1));
  var a = x[at.x];
  var b = x[at.y];
  var c = x[at.z];
  var d = x[at.w];
  for (var part = 0u; part < parts; part++) {
    var seen = Seen(highest, lowest);
    seen = widened_by(seen, a, column.x, part);
    seen = widened_by(seen, b, column.y, part);
    seen = widened_by(seen, c, column.z, part);
    seen = widened_by(seen, d, column.w, part);
    for (var i = beyond; i < stride; i += threads) {
      seen = widened_by(seen, x[first + i], i, part);
    }
    let span = workgroup_span(seen.low, seen.high, local);
    if (local == 0) {
      let range = span.high - span.low;
      quantizers[part] = quantizer(range, span.low);
      ranges[row * parts + part] = vec2(range / f32((1u << bits) - 1), span.low);
    }
  }
  workgroupBarrier();

  let key = key_of(p.stream);
  let vectors = 8 / bits; // of four codes in a word
  let row_words = (stride + vectors - 1) / vectors;
  let writes = local % vectors == 0;
  for (var turn = 0u; turn < stride; turn += 4 * threads) {
    if (turn > 0) {
      column += vec4(4 * threads);
      at = vec4(first) + min(column, vec4(stride - 1));
      a = x[at.x];
      b = x[at.y];
      c = x[at.z];
      d = x[at.w];
    }
    let words = gathered(
      vec4(
        codes_of(a, column.x, row, key),
        codes_of(b, column.y, row, key),
        codes_of(c, column.z, row, key),
        codes_of(d, column.w, row, key),
      ),
      local,
    );
    let to = vec4(row * row_words) + column / vectors;
    if (writes && column.x < stride) { codes[to.x] = words.x; }
    if (writes && column.y < stride) { codes[to.y] = words.y; }
    if (writes && column.z < stride) { codes[to.z] = words.z; }
    if (writes && column.w < stride) { codes[to.w] = words.w; }
  }
}
