// Two sums side by side, each with an output of its own.
alias Sums = mat2x4<f32>;
@group(0) @binding(1) var<storage, read_write> first: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> second: array<vec4<f32>>;

fn store(at: u32, sums: Sums) {
  if (p.accumulate != 0) {
    first[at] += sums[0];
    second[at] += sums[1];
  } else {
    first[at] = sums[0];
    second[at] = sums[1];
  }
}
