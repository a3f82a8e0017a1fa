// The step is over: what it saw is the last step's.
@group(0) @binding(1) var<storage, read_write> turn: array<u32>;

@compute @workgroup_size(1)
fn main() {
  turn[0] = (turn[0] + 1) % 3;
}
