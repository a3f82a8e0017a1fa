// Sums and maxima over a workgroup. Joined in front of kernels that reduce; every invocation must call, and all get the result.
override threads: u32 = 64;
var<workgroup> partial: array<f32, threads>;

fn workgroup_sum(value: f32, local: u32) -> f32 {
  workgroupBarrier();
  partial[local] = value;
  for (var half = threads / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (local < half) {
      partial[local] += partial[local + half];
    }
  }
  workgroupBarrier();
  return partial[0];
}

fn workgroup_max(value: f32, local: u32) -> f32 {
  workgroupBarrier();
  partial[local] = value;
  for (var half = threads / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (local < half) {
      partial[local] = max(partial[local], partial[local + half]);
    }
  }
  workgroupBarrier();
  return partial[0];
}

fn sum4(v: vec4<f32>) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}
