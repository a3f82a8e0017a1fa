// Stores f32 vectors as codes by the tables of their columns, and counts what lies outside its range. Rows of codes are
// whole words. A thread makes a word of each of four rows, so that four loads are under way at once and the tables serve four.
struct Parameters { rows: u32, first_vector: u32, stream: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> tables: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> codes: array<u32>;
@group(0) @binding(5) var<storage, read_write> clipped: array<atomic<u32>>;
override stride: u32; // in vectors
override counter: u32; // where in `clipped` the count is

// The codes of vector `column` of the rows that begin at `first`, at the place in their words that the i-th vector has. Beyond the row there
// are none.
fn part(first: vec4<u32>, column: u32, i: u32, key: u32) -> EncodedRows {
  let inner = min(column, stride - 1);
  let at = first + vec4(inner);
  let v = mat4x4(x[at.x], x[at.y], x[at.z], x[at.w]);
  let encoded = encode_rows(v, tables[3 * inner + 1], tables[3 * inner + 2], at + vec4(p.first_vector), key);
  let inside = vec4(column < stride);
  return EncodedRows(
    select(vec4<u32>(), encoded.codes << vec4(4 * bits * i), inside),
    select(vec4<u32>(), encoded.clipped, inside),
  );
}

fn joined(a: EncodedRows, b: EncodedRows) -> EncodedRows {
  return EncodedRows(a.codes | b.codes, a.clipped + b.clipped);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let flat = (group.y * groups.x + group.x) * 64 + local;
  let vectors = 8 / bits; // of four codes in a word
  let row_words = (stride + vectors - 1) / vectors;
  let word = flat % row_words;
  let row = vec4(flat / row_words * 4) + vec4(0u, 1u, 2u, 3u);
  let inside = row < vec4(p.rows);
  let first = min(row, vec4(p.rows - 1)) * stride;
  let column = word * vectors;
  let key = key_of(p.stream);
  var made = part(first, column, 0, key);
  if (vectors > 1) {
    made = joined(made, part(first, column + 1, 1, key));
  }
  if (vectors > 2) {
    made = joined(made, joined(part(first, column + 2, 2, key), part(first, column + 3, 3, key)));
  }
  let to = row * row_words + vec4(word);
  if (inside.x) { codes[to.x] = made.codes.x; }
  if (inside.y) { codes[to.y] = made.codes.y; }
  if (inside.z) { codes[to.z] = made.codes.z; }
  if (inside.w) { codes[to.w] = made.codes.w; }
  let outside = select(vec4<u32>(), made.clipped, inside);
  let count = (outside.x + outside.y) + (outside.z + outside.w);
  if (count > 0) {
    atomicAdd(&clipped[counter], count);
  }
}
