fn from_16bit(words: vec2<u32>) -> vec4<f32> {
  return vec4(unpack2x16float(words.x), unpack2x16float(words.y));
}

// By whole numbers, so that no adapter's own rounding has a say. Below 2^-14 a code counts steps of 2^-24; beyond the largest number it
// saturates. What is no number stays none.
fn to_16bit(values: vec4<f32>, random: vec4<u32>) -> vec4<u32> {
  let bits = bitcast<vec4<u32>>(values);
  let magnitude = bits & vec4(0x7fffffff);
  let normal = min(((magnitude + (random & vec4(0x1fff))) >> vec4(13)) - vec4(112 << 10), vec4(0x7bff));
  let steps = abs(values) * 16777216.0;
  let below = floor(steps);
  let share = vec4<f32>(random >> vec4(8)) * 5.9604644775390625e-8; // 2^-24
  let small = vec4<u32>(below) + select(vec4<u32>(), vec4(1), share < steps - below);
  let number = select(normal, small, magnitude < vec4(113 << 23));
  let code = select(number, vec4(0x7e00), no_numbers(values));
  return ((bits >> vec4(16)) & vec4(0x8000)) | code;
}
