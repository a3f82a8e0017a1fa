// dx = (or +=) rstd * (g - mean(g) - n * mean(g * n)) by rows, with g = dy * gamma and n the normalised output as operand x reads it, and
// dy as operand dy does: from a tensor of its own, or from dx itself. Where `centered` is 0, without mean(g), as RMSNorm has it. A workgroup a row, which is loaded once: each thread keeps four
// vectors of g and n, and loads again what is wider.
struct Parameters { rows: u32, accumulate: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(2) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4<f32>>;
override cols: u32;
override stride: u32; // in vectors
override centered: u32;

struct Part { g: vec4<f32>, n: vec4<f32> }

// A vector of the row that begins at `first`, zero beyond its end; padding of gamma is zero.
fn part_at(first: u32, column: u32) -> Part {
  let inner = min(column, stride - 1);
  let g = dy_load4(first + inner, inner) * gamma[inner];
  return Part(select(vec4<f32>(), g, column < stride), x_load4(first + inner, inner));
}

struct Row { mean: f32, along: f32, scale: f32 }

// rstd * (g - mean(g) - n * mean(g * n)), zero where the row has no value.
fn gradient(row: Row, part: Part, column: u32) -> vec4<f32> {
  let inside = vec4(column * 4) + vec4(0u, 1u, 2u, 3u) < vec4(cols);
  return select(vec4<f32>(), row.scale * (part.g - row.mean - part.n * row.along), inside);
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
  let a = part_at(first, column.x);
  let b = part_at(first, column.y);
  let c = part_at(first, column.z);
  let d = part_at(first, column.w);
  var old_a = vec4<f32>();
  var old_b = vec4<f32>();
  var old_c = vec4<f32>();
  var old_d = vec4<f32>();
  if (p.accumulate != 0) { // under way with the others
    let inner = vec4(first) + min(column, vec4(stride - 1));
    old_a = dx[inner.x];
    old_b = dx[inner.y];
    old_c = dx[inner.z];
    old_d = dx[inner.w];
  }
  var sums = vec2(
    sum4((a.g + b.g) + (c.g + d.g)),
    (dot(a.g, a.n) + dot(b.g, b.n)) + (dot(c.g, c.n) + dot(d.g, d.n)),
  );
  for (var i = beyond; i < stride; i += threads) {
    let e = part_at(first, i);
    sums += vec2(sum4(e.g), dot(e.g, e.n));
  }
  let means = workgroup_sum2(sums, local) / f32(cols);
  let by = Row(select(0.0, means.x, centered != 0), means.y, rstd[row]);
  if (column.x < stride) { dx[first + column.x] = old_a + gradient(by, a, column.x); }
  if (column.y < stride) { dx[first + column.y] = old_b + gradient(by, b, column.y); }
  if (column.z < stride) { dx[first + column.z] = old_c + gradient(by, c, column.z); }
  if (column.w < stride) { dx[first + column.w] = old_d + gradient(by, d, column.w); }
  for (var i = beyond; i < stride; i += threads) {
    let old = select(vec4<f32>(), dx[first + i], p.accumulate != 0);
    dx[first + i] = old + gradient(by, part_at(first, i), i);
  }
}
