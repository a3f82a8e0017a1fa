// Columns of a matrix from FIRST on, counted in vectors, as a matrix of its own. STRIDE is the whole one's, OWN what is read of it.
fn NAME_load4(index: u32, column: u32) -> vec4<f32> {
  return NAME_inner_load4((index - column) / OWNu * STRIDEu + FIRSTu + column, FIRSTu + column);
}
