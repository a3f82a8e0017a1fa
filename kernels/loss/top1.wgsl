// hits[row] = 1 if the target's logit exceeds all others of its row, else 0; 0 too for a target outside the vocabulary (-100). A workgroup
// a row.
struct Parameters { rows: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read> logits: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> hits: array<f32>;
override vocab: u32;
override stride: u32; // in vectors

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
  let target_id = u32(targets[row]); // -100 becomes larger than any vocabulary
  let z = logits[first + target_id / 4][target_id % 4];
  var rivals = 0.0; // logits that the target's does not exceed
  for (var column = local; column < stride; column += threads) {
    let id = vec4(column * 4) + vec4(0u, 1u, 2u, 3u);
    let exceeded = (vec4(z) > logits[first + column]) | (id >= vec4(vocab)) | (id == vec4(target_id));
    rivals += sum4(select(vec4(1.0), vec4(0.0), exceeded));
  }
  let total = workgroup_sum(rivals, local);
  if (local == 0) {
    hits[row] = f32(target_id < vocab && total == 0);
  }
}
