// What is loaded as numbers needs no reading.
fn NAME_fetch4(index: u32, column: u32) -> vec4<f32> {
  return NAME_load4(index, column);
}

fn NAME_read4(fetched: vec4<f32>, index: u32, column: u32) -> vec4<f32> {
  return fetched;
}
