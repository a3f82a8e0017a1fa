// Scaled halves by what others saw.
fn seen_before() -> u32 {
  return seen[last_seen(p.operand)].largest;
}

fn sees(saw: vec2<u32>, x: vec4<f32>, scale: f32) -> vec2<u32> {
  return saw;
}

fn tell_all(local: u32, lane: u32, saw: vec2<u32>) {
}
