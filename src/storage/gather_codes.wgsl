// Words of codes of fewer than 8 bits: a word holds the codes of several vectors of a row, which adjacent invocations have. Joined in front
// of kernels of `threads` invocations that hold one vector of columns of four rows, or four of one row; every invocation must call.
var<workgroup> exchanged: array<vec4<u32>, threads>;

// The words, for the invocations that have the first vector of theirs.
fn gathered(codes: vec4<u32>, local: u32) -> vec4<u32> {
  let vectors = 8 / bits; // of four codes in a word
  var words = codes;
  if (vectors > 1) {
    workgroupBarrier(); // everyone has read the last ones
    exchanged[local] = codes;
    workgroupBarrier();
    for (var i = 1u; i < vectors; i++) {
      words |= exchanged[min(local + i, threads - 1)] << vec4(4 * bits * i);
    }
  }
  return words;
}
