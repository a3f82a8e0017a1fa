// normalized = (x - mean) * rstd by rows, rstd = 1 / sqrt(variance + epsilon); where `centered` is 0, with 0 for the mean, as RMSNorm has it.
// A workgroup a row, which is loaded once: each thread keeps four vectors of it, and loads again what is wider. The scale and shift of the
// layer are applied where the result is read.
struct Parameters { rows: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> normalized: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> rstd: array<f32>;
override cols: u32;
override stride: u32; // in vectors
override epsilon: f32;
override centered: u32;

// A vector of the row that begins at `first`, zero beyond its end; padding is zero.
fn x_at(first: u32, column: u32) -> vec4<f32> {
  return select(vec4<f32>(), x[first + min(column, stride - 1)], column < stride);
}

// value - mean, zero where there is no value.
fn deviation(value: vec4<f32>, mean: f32, column: u32) -> vec4<f32> {
  let inside = vec4(column * 4) + vec4(0u, 1u, 2u, 3u) < vec4(cols);
  return select(vec4<f32>(), value - mean, inside);
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
  let column = vec4(local) + vec4(0u, 1u, 2u, 3u) * threads;
  let beyond = local + 4 * threads;
  var a = x_at(first, column.x);
  var b = x_at(first, column.y);
  var c = x_at(first, column.z);
  var d = x_at(first, column.w);
  var mean = 0.0;
  if (centered != 0) {
    var sum = sum4((a + b) + (c + d));
    for (var i = beyond; i < stride; i += threads) {
      sum += sum4(x[first + i]);
    }
    mean = workgroup_sum(sum, local) / f32(cols);
  }
  a = deviation(a, mean, column.x);
  b = deviation(b, mean, column.y);
  c = deviation(c, mean, column.z);
  d = deviation(d, mean, column.w);
  var squares = (dot(a, a) + dot(b, b)) + (dot(c, c) + dot(d, d));
  for (var i = beyond; i < stride; i += threads) {
    let e = deviation(x[first + i], mean, i);
    squares += dot(e, e);
  }
  let scale = 1.0 / sqrt(workgroup_sum(squares, local) / f32(cols) + epsilon);
  if (column.x < stride) { normalized[first + column.x] = a * scale; }
  if (column.y < stride) { normalized[first + column.y] = b * scale; }
  if (column.z < stride) { normalized[first + column.z] = c * scale; }
  if (column.w < stride) { normalized[first + column.w] = d * scale; }
  for (var i = beyond; i < stride; i += threads) {
    normalized[first + i] = deviation(x[first + i], mean, i) * scale;
  }
  if (local == 0) {
    rstd[row] = scale;
  }
}
