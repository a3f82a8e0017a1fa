// The scale of an operand and its inverse, powers of two: the largest number of the last step comes near 2¹⁰. One that the last step did
// not see counts as 64; where it was no number, the scale is none, so that products are none.
fn scale_from(largest: u32) -> vec2<f32> {
  let bits = select(largest, 0x42800000u, largest == 0);
  let exponent = clamp(137 - i32((bits + 0x7fffffu) >> 23), -126, 126);
  let scale = bitcast<f32>(select(u32(127 + exponent) << 23, largest | 0x400000u, largest >= 0x7f800000u));
  return vec2(scale, inverse_of(scale));
}

// 1 / scale, a power of two, or no number.
fn inverse_of(scale: f32) -> f32 {
  let bits = bitcast<u32>(scale);
  return bitcast<f32>(select(0x7f000000u - bits, bits, bits > 0x7f000000u));
}
