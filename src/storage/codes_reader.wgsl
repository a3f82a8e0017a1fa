// A matrix stored in codes of BITS bits. WORD is the word that holds the four of vector (index, column).
@group(GROUP) @binding(0) var<storage, read> NAME_codes: array<u32>;

fn NAME_codes4(index: u32, column: u32) -> vec4<f32> {
  let word = NAME_codes[WORD] >> (column % (8u / BITSu) * (4u * BITSu));
  return vec4<f32>((vec4(word) >> (vec4(0u, 1u, 2u, 3u) * BITSu)) & vec4((1u << BITSu) - 1u));
}
