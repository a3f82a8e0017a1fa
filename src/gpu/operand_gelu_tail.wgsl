// Phi(-y) of the standard normal distribution for y from 0 to 14, from y and e = exp(-y^2 / 2): e/2 times a rational function, fitted to
// exp(y^2 / 2) erfc(y / sqrt 2) by minimax with relative error 6e-9 (2e-8 with coefficients in f32). It is exact at 0, and no term is
// negative: nothing cancels.
fn NAME_tail(y: vec4<f32>, e: vec4<f32>) -> vec4<f32> {
  let one = vec4(1.0);
  var above = fma(vec4(0.00809490029), y, vec4(0.0803675056));
  above = fma(fma(fma(above, y, vec4(0.363845974)), y, vec4(0.873113453)), y, one);
  var below = fma(fma(vec4(0.0101453215), y, vec4(0.100732677)), y, vec4(0.46600017));
  below = fma(fma(fma(below, y, vec4(1.197106)), y, vec4(1.67099833)), y, one);
  return 0.5 * e * above / below;
}
