// What operands were seen to be: of three steps in turn, of A and B, or of attention's. SEEN is an atomic where it is written.
struct Seen {
  largest: SEEN, // bits of the largest absolute value
  clipped: SEEN, // numbers that were larger than halves can hold, of all steps so far whose turn it was
}
@group(0) @binding(3) var<storage, ACCESS> seen: array<Seen, 3 * OPERANDS>;
@group(0) @binding(4) var<storage, read> turn: array<u32>;

// Where the operand's numbers of the last step are, of this one and of the next.
fn last_seen(operand: u32) -> u32 {
  return (turn[0] + 2) % 3 * OPERANDS + operand;
}

fn now_seen(operand: u32) -> u32 {
  return turn[0] * OPERANDS + operand;
}

fn next_seen(operand: u32) -> u32 {
  return (turn[0] + 1) % 3 * OPERANDS + operand;
}

// Bits of absolute values, which sort as the values do; what is no number comes last.
fn magnitudes(x: vec4<f32>) -> vec4<u32> {
  return bitcast<vec4<u32>>(x) & vec4(0x7fffffffu);
}

fn largest_of(x: vec4<u32>) -> u32 {
  return max(max(x.x, x.y), max(x.z, x.w));
}
