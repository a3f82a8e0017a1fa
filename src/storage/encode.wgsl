// Rounds a vector of four numbers to codes: q = clamp(floor((x - shift) / scale + u), 0, 2^bits - 1), u = 1/2 to nearest, or uniform on
// the 256 midpoints of [0, 1), which is unbiased. One 32-bit counter-based hash gives the four numbers. Joined, with
// pcg.wgsl, in front of the kernels that quantize.
@group(0) @binding(1) var<storage, read> step: Step;
override bits: u32;
override stochastic: bool;

// The four codes in the lowest 4 * bits bits, and how many of them the clamp changed.
struct Encoded { codes: u32, clipped: u32 }

// What the random bits of a tensor hang on besides the place: the step, and the tensor's stream in the program.
fn key_of(stream: u32) -> u32 {
  return select(0u, pcg(pcg(stream) ^ step.seed), stochastic);
}

// `at` is the vector's place in the whole tensor.
fn encode4(x: vec4<f32>, shift: vec4<f32>, inverse: vec4<f32>, at: u32, key: u32) -> Encoded {
  var u = vec4(0.5);
  if (stochastic) {
    // A byte b and the half of its unit, put into the bits of a float below 1, make 1 + (b + 1/2) / 256, exactly.
    let random = pcg(pcg(at) ^ key);
    let bytes = (vec4(random) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u);
    u = bitcast<vec4<f32>>((bytes << vec4(15u)) | vec4(0x3f804000u)) - 1.0;
  }
  let q = (x - shift) * inverse + u;
  let kept = clamp(q, vec4<f32>(), vec4(f32(1u << bits) * 0.99999994)); // to the largest number below 2^bits
  let codes = vec4<u32>(kept) << (vec4(0u, 1u, 2u, 3u) * bits); // a conversion cuts, which is the floor
  let outside = vec4<u32>(kept != q);
  return Encoded(codes.x | codes.y | codes.z | codes.w, outside.x + outside.y + outside.z + outside.w);
}

// The same for a vector of columns of four rows, one after the other.
struct EncodedRows { codes: vec4<u32>, clipped: vec4<u32> }

fn encode_rows(x: mat4x4<f32>, shift: vec4<f32>, inverse: vec4<f32>, at: vec4<u32>, key: u32) -> EncodedRows {
  let a = encode4(x[0], shift, inverse, at.x, key);
  let b = encode4(x[1], shift, inverse, at.y, key);
  let c = encode4(x[2], shift, inverse, at.z, key);
  let d = encode4(x[3], shift, inverse, at.w, key);
  return EncodedRows(
    vec4(a.codes, b.codes, c.codes, d.codes),
    vec4(a.clipped, b.clipped, c.clipped, d.clipped),
  );
}
