// GELU(x) = x / (1 + exp(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3): the tanh approximation, written so that nothing cancels.
fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  let x = NAME_inner_load4(index, column);
  let u = 0.7978845608028654 * x * fma(0.044715 * x, x, vec4(1.0));
  return x / (1.0 + exp(clamp(-2.0 * u, vec4(-80.0), vec4(80.0))));
}
