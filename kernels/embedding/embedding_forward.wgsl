// x[row] = words[token[row]] + position_at(row of the batch, column), for the tokens whose word lies in the bound window of the word table.
struct Parameters { rows: u32, first_row: u32, first_word: u32, words: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@group(0) @binding(2) var<storage, read_write> x: array<vec4<f32>>;
override stride: u32; // in vectors

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * 64 + local;
  let row = at / stride;
  if (row >= p.rows) {
    return;
  }
  let word = tokens[row] - p.first_word; // wraps below the window: then it is not inside either
  if (word < p.words) {
    let column = at % stride;
    x[at] = words_load4(word * stride + column, column) + position_at(p.first_row + row, column);
  }
}
