// What scaled halves are written from is looked at for the next step, too.
var<workgroup> largest: atomic<u32>;
var<workgroup> clipped: atomic<u32>;

fn seen_before() -> u32 {
  return atomicLoad(&seen[last_seen(p.operand)].largest);
}

fn sees(saw: vec2<u32>, x: vec4<f32>, scale: f32) -> vec2<u32> {
  return looked(saw, x, bitcast<u32>(halves_reach * inverse_of(scale)));
}

// Tells what a workgroup saw.
fn tell_all(local: u32, lane: u32, saw: vec2<u32>) {
  let subgroup_largest = subgroupMax(saw.x);
  let subgroup_clipped = subgroupAdd(saw.y);
  if (lane == 0) {
    atomicMax(&largest, subgroup_largest);
    atomicAdd(&clipped, subgroup_clipped);
  }
  workgroupBarrier();
  if (local == 0) {
    atomicMax(&seen[now_seen(p.operand)].largest, atomicLoad(&largest));
    atomicAdd(&seen[now_seen(p.operand)].clipped, atomicLoad(&clipped));
  }
}
