const halves_reach = 65504.0;

// What was seen of an operand, and a vector more: bits of the largest absolute value, and how many numbers are beyond the limit.
fn looked(so_far: vec2<u32>, x: vec4<f32>, limit: u32) -> vec2<u32> {
  let bits = magnitudes(x);
  return vec2(max(so_far.x, largest_of(bits)), so_far.y + dot(select(vec4(0u), vec4(1u), bits > vec4(limit)), vec4(1u)));
}

// Tells what a subgroup has seen of an operand.
fn tell(operand: u32, lane: u32, own_largest: u32, own_clipped: u32) {
  let largest = subgroupMax(own_largest);
  let clipped = subgroupAdd(own_clipped);
  if (lane == 0) {
    atomicMax(&seen[now_seen(operand)].largest, largest);
    atomicAdd(&seen[now_seen(operand)].clipped, clipped);
  }
}
