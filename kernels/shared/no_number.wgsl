// Which of four floats are no numbers, told by their bits: a compiler may take it that all are.
fn no_numbers(x: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4<u32>>(x) & vec4(0x7fffffff)) > vec4(0x7f800000);
}
