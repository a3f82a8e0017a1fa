// Sums and maxima over a workgroup, folded by four: a barrier costs more than additions do. Joined in front of kernels that reduce; every
// invocation must call, and all get the result.
override threads: u32 = 64; // a power of two
var<workgroup> partial: array<f32, threads>;
var<workgroup> partial_pairs: array<vec2<f32>, threads>;

// Two sums for the barriers of one.
fn workgroup_sum2(value: vec2<f32>, local: u32) -> vec2<f32> {
  workgroupBarrier();
  partial_pairs[local] = value;
  var count = threads;
  for (; count > 8; count /= 4) {
    let quarter = count / 4;
    workgroupBarrier();
    if (local < quarter) {
      partial_pairs[local] = (partial_pairs[local] + partial_pairs[local + quarter]) +
        (partial_pairs[local + 2 * quarter] + partial_pairs[local + 3 * quarter]);
    }
  }
  workgroupBarrier();
  var sum = partial_pairs[0];
  for (var i = 1u; i < count; i++) {
    sum += partial_pairs[i];
  }
  return sum;
}

fn workgroup_sum(value: f32, local: u32) -> f32 {
  return workgroup_sum2(vec2(value, 0.0), local).x;
}

fn workgroup_max(value: f32, local: u32) -> f32 {
  workgroupBarrier();
  partial[local] = value;
  var count = threads;
  for (; count > 8; count /= 4) {
    let quarter = count / 4;
    workgroupBarrier();
    if (local < quarter) {
      partial[local] = max(
        max(partial[local], partial[local + quarter]),
        max(partial[local + 2 * quarter], partial[local + 3 * quarter]),
      );
    }
  }
  workgroupBarrier();
  var most = partial[0];
  for (var i = 1u; i < count; i++) {
    most = max(most, partial[i]);
  }
  return most;
}

fn sum4(v: vec4<f32>) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}
