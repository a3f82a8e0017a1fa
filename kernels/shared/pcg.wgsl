// PCG's output permutation over a 32-bit state (O'Neill 2014; Jarzynski & Olano 2020): a hash of whole numbers.
fn pcg(seed: u32) -> u32 {
  let state = seed * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
