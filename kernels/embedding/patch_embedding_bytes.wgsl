// Pixels stored as bytes: byte * (2 / 255) - 1, computed as (2 byte - 255) / 255, whose difference is exact.
@group(GROUP) @binding(0) var<storage, read> NAME_words: array<u32>;

fn NAME_pixel(at: u32) -> f32 {
  return NAME_pixels(at)[at % 4];
}

// The four of an aligned word.
fn NAME_pixels(at: u32) -> vec4<f32> {
  let bytes = (vec4(NAME_words[at / 4]) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u);
  return fma(vec4<f32>(bytes), vec4(2.0), vec4(-255.0)) * (1.0 / 255.0);
}
