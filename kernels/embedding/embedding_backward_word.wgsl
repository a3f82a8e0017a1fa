// d_words[word] = (or += with `accumulate`) the sum of dx over the rows whose token is `word`. A workgroup takes a word and 64 vectors of columns; its four rows at a
// time are added in a fixed order. `order` lists row numbers by token, `starts[w]` is where those of word w begin.
struct Parameters { first_word: u32, words: u32, first_row: u32, rows: u32, accumulate: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> dx: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> d_words: array<vec4<f32>>;
override stride: u32; // in vectors
var<workgroup> sums: array<vec4<f32>, 256>;

// The i-th of the rows by token, zero from `end` on and outside the window.
fn dx_at(i: u32, end: u32, column: u32) -> vec4<f32> {
  let row = order[min(i, end - 1)] - p.first_row;
  return select(vec4<f32>(), dx[min(row, p.rows - 1) * stride + column], i < end && row < p.rows);
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let tiles = (stride + 63) / 64;
  let flat = group.y * groups.x + group.x;
  let word = flat / tiles;
  if (word >= p.words) {
    return;
  }
  let begin = starts[p.first_word + word];
  let end = starts[p.first_word + word + 1];
  if (begin == end && p.accumulate != 0) { // as of most words
    return;
  }
  let column = flat % tiles * 64 + local % 64;
  let inner = min(column, stride - 1);
  var sum = vec4<f32>();
  for (var i = begin + local / 64; i < end; i += 16) {
    // Four loads are under way at once.
    let a = dx_at(i, end, inner);
    let b = dx_at(i + 4, end, inner);
    let c = dx_at(i + 8, end, inner);
    let d = dx_at(i + 12, end, inner);
    sum += (a + b) + (c + d);
  }
  sums[local] = sum;
  workgroupBarrier();
  if (local < 64 && column < stride) {
    let old = select(vec4<f32>(), d_words[word * stride + column], p.accumulate != 0);
    d_words[word * stride + column] = old + ((sums[local] + sums[local + 64]) + (sums[local + 128] + sums[local + 192]));
  }
}
