// normalized = (x - mean) * rstd by rows, rstd = 1 / sqrt(variance + epsilon). A workgroup a row. The scale and shift of the layer are
// applied where the result is read.
struct Parameters { rows: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> normalized: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> rstd: array<f32>;
override cols: u32;
override stride: u32; // in vectors
override epsilon: f32;

fn inside(column: u32) -> vec4<bool> {
  return vec4(column * 4) + vec4(0u, 1u, 2u, 3u) < vec4(cols);
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
  var sum = 0.0;
  for (var column = local; column < stride; column += threads) {
    sum += sum4(x[first + column]); // padding is zero
  }
  let mean = workgroup_sum(sum, local) / f32(cols);
  var squares = 0.0;
  for (var column = local; column < stride; column += threads) {
    let d = select(vec4<f32>(), x[first + column] - mean, inside(column));
    squares += dot(d, d);
  }
  let scale = 1.0 / sqrt(workgroup_sum(squares, local) / f32(cols) + epsilon);
  for (var column = local; column < stride; column += threads) {
    normalized[first + column] = select(vec4<f32>(), (x[first + column] - mean) * scale, inside(column));
  }
  if (local == 0) {
    rstd[row] = scale;
  }
}
