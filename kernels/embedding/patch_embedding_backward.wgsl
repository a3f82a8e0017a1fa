// d_class_token = (or +=) row 0 of d, d_bias = (or +=) the sum of its other rows. A workgroup takes 16 vectors of columns; its 16 row lanes
// are added in a fixed order.
struct Parameters { tokens: u32, accumulate: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read> d: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> d_class_token: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> d_bias: array<vec4<f32>>;
override stride: u32; // in vectors
const lanes = 16u;
var<workgroup> sums: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let column = group.x * lanes + local % lanes;
  var sum = vec4<f32>();
  if (column < stride) {
    for (var row = 1 + local / lanes; row < p.tokens; row += lanes) {
      sum += d[row * stride + column];
    }
  }
  sums[local] = sum;
  for (var half = 128u; half >= lanes; half /= 2) {
    workgroupBarrier();
    if (local < half) {
      sums[local] += sums[local + half];
    }
  }
  if (local < lanes && column < stride) {
    if (p.accumulate != 0) {
      d_class_token[column] += d[column];
      d_bias[column] += sums[local];
    } else {
      d_class_token[column] = d[column];
      d_bias[column] = sums[local];
    }
  }
}
