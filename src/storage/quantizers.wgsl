// Shift and 1/scale of the groups of channels that a workgroup quantizes by, in its memory. Joined in front of kernels that do not read them
// from tables; they fill it.
override group_size: u32; // in channels
override groups_kept: u32;
var<workgroup> quantizers: array<vec2<f32>, groups_kept>;

struct Quantizer { shift: vec4<f32>, inverse: vec4<f32> }

fn quantizer(range: f32, low: f32) -> vec2<f32> {
  return vec2(low, select(0.0, f32((1u << bits) - 1) / range, range > 0.0));
}

// Those of a vector of columns; `first` is the first group kept. Zero beyond the last channel, so that padding has the code zero.
fn quantizer4(column: u32, first: u32) -> Quantizer {
  let channels = vec4(4 * column) + vec4(0u, 1u, 2u, 3u);
  let groups = min(channels / group_size - vec4(first), vec4(groups_kept - 1));
  let a = quantizers[groups.x];
  if (group_size % 4 == 0) { // the vector lies within a group
    return Quantizer(select(vec4<f32>(), a.xxxx, channels < vec4(cols)), select(vec4<f32>(), a.yyyy, channels < vec4(cols)));
  }
  let b = quantizers[groups.y];
  let c = quantizers[groups.z];
  let d = quantizers[groups.w];
  return Quantizer(
    select(vec4<f32>(), vec4(a.x, b.x, c.x, d.x), channels < vec4(cols)),
    select(vec4<f32>(), vec4(a.y, b.y, c.y, d.y), channels < vec4(cols)),
  );
}
