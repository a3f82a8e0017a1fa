// dx = (or +=) rstd * (g - mean(g) - n * mean(g * n)) by rows, with g = dy * gamma and n the normalised output as operand x reads it, and
// dy as operand dy does: from a tensor of its own, or from dx itself.
struct Parameters { rows: u32, accumulate: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(2) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4<f32>>;
override cols: u32;
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
  var sum = 0.0;
  var projection = 0.0;
  for (var column = local; column < stride; column += threads) {
    let g = dy_load4(first + column, column) * gamma[column]; // padding of gamma is zero
    sum += sum4(g);
    projection += dot(g, x_load4(first + column, column));
  }
  let mean = workgroup_sum(sum, local) / f32(cols);
  let along = workgroup_sum(projection, local) / f32(cols);
  let scale = rstd[row];
  for (var column = local; column < stride; column += threads) {
    let g = dy_load4(first + column, column) * gamma[column];
    let d = scale * (g - mean - x_load4(first + column, column) * along);
    let within = vec4(column * 4) + vec4(0u, 1u, 2u, 3u) < vec4(cols);
    var value = select(vec4<f32>(), d, within);
    if (p.accumulate != 0) {
      value += dx[first + column];
    }
    dx[first + column] = value;
  }
}
