// Stores f32 vectors as codes by the tables of their columns, and counts what lies outside its range. Rows of codes are
// whole words.
struct Parameters { words: u32, first_vector: u32, stream: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> tables: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> codes: array<u32>;
@group(0) @binding(5) var<storage, read_write> clipped: array<atomic<u32>>;
override stride: u32; // in vectors
override counter: u32; // where in `clipped` the count is

// The codes of vector `column` of a row, at the place in their word that the i-th vector has. Beyond the row there are none.
fn part(row: u32, column: u32, i: u32) -> Encoded {
  if (column >= stride) {
    return Encoded();
  }
  let at = row * stride + column;
  let encoded = encode4(x[at], tables[3 * column + 1], tables[3 * column + 2], p.first_vector + at, p.stream);
  return Encoded(encoded.codes << (4 * bits * i), encoded.clipped);
}

fn joined(a: Encoded, b: Encoded) -> Encoded {
  return Encoded(a.codes | b.codes, a.clipped + b.clipped);
}

fn word(at: u32) -> Encoded {
  if (at >= p.words) {
    return Encoded();
  }
  let vectors = 8 / bits; // of four codes in a word
  let row_words = (stride + vectors - 1) / vectors;
  let row = at / row_words;
  let column = at % row_words * vectors;
  var word = part(row, column, 0);
  if (vectors > 1) {
    word = joined(word, part(row, column + 1, 1));
  }
  if (vectors > 2) {
    word = joined(word, joined(part(row, column + 2, 2), part(row, column + 3, 3)));
  }
  return word;
}

// A thread makes four words, so that four loads are under way at once.
@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * 256 + local;
  let a = word(at);
  let b = word(at + 64);
  let c = word(at + 128);
  let d = word(at + 192);
  if (at < p.words) { codes[at] = a.codes; }
  if (at + 64 < p.words) { codes[at + 64] = b.codes; }
  if (at + 128 < p.words) { codes[at + 128] = c.codes; }
  if (at + 192 < p.words) { codes[at + 192] = d.codes; }
  let count = (a.clipped + b.clipped) + (c.clipped + d.clipped);
  if (count > 0) {
    atomicAdd(&clipped[counter], count);
  }
}
