// d_words[word] += the sum of dx over the rows whose token is `word`, in order. A workgroup a word; `order` lists row numbers by token,
// `starts[w]` is where those of word w begin.
struct Parameters { first_word: u32, words: u32, first_row: u32, rows: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> dx: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> d_words: array<vec4<f32>>;
override stride: u32; // in vectors

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let word = group.y * groups.x + group.x;
  if (word >= p.words) {
    return;
  }
  let begin = starts[p.first_word + word];
  let end = starts[p.first_word + word + 1];
  if (begin == end) {
    return;
  }
  for (var column = local; column < stride; column += 64) {
    var sum = vec4<f32>();
    for (var i = begin; i < end; i++) {
      let row = order[i] - p.first_row;
      if (row < p.rows) {
        sum += dx[row * stride + column];
      }
    }
    d_words[word * stride + column] += sum;
  }
}
