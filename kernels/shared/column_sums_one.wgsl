// The sums of one operand, v.
alias Sums = vec4<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;

fn terms(index: u32, column: u32, counts: bool) -> Sums {
  return select(vec4<f32>(), v_load4(index, column), counts);
}

fn store(at: u32, sums: Sums) {
  if (p.accumulate != 0) {
    out[at] += sums;
  } else {
    out[at] = sums;
  }
}
