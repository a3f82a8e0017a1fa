// Rotates pairs of channels of x in place by the position of their row, heads side by side: channel i of a head with channel i + head_size / 2,
// by as many turns a position as `turns[i]` says; with `back`, the other way round. Turns are binary fractions of 64 bits, so that an angle is
// as exact at a far position as at a near one. A thread a row and pair, of all heads.
struct Parameters { rows: u32, first_row: u32, back: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
override heads: u32;
override stride: u32; // in numbers
override sequence: u32; // rows of each
override first_position: u32;

// The upper 32 bits of a * b.
fn high_product(a: u32, b: u32) -> u32 {
  let low = (a & 0xffff) * (b & 0xffff);
  let left = (a >> 16) * (b & 0xffff) + (low >> 16);
  let right = (a & 0xffff) * (b >> 16) + (left & 0xffff);
  return (a >> 16) * (b >> 16) + (left >> 16) + (right >> 16);
}

// Cosine and sine of so many turns / 2^32: the nearest quarter, and a polynomial for the rest, at most an eighth of a turn.
fn cosine_sine(turns: u32) -> vec2<f32> {
  let quarter = (turns + 0x20000000) >> 30;
  let a = f32(bitcast<i32>(turns - (quarter << 30))) * 1.4629180792671596e-9; // 2 pi / 2^32
  let s = a * a;
  let sine = fma(a * s, fma(s, fma(s, fma(s, 2.7557319e-6, -1.9841270e-4), 8.3333333e-3), -0.16666667), a);
  let cosine = fma(s, fma(s, fma(s, fma(s, fma(s, -2.7557319e-7, 2.4801587e-5), -1.3888889e-3), 4.1666667e-2), -0.5), 1.0);
  let turned = select(vec2(cosine, sine), vec2(-sine, cosine), quarter % 2 == 1);
  return select(turned, -turned, quarter % 4 >= 2);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * 64 + local;
  let row = at / pairs;
  if (row >= p.rows) {
    return;
  }
  let i = at % pairs;
  let position = first_position + (p.first_row + row) % sequence;
  let by = turns[i];
  var cs = cosine_sine(position * by.x + high_product(position, by.y));
  if (p.back != 0) {
    cs.y = -cs.y;
  }
  for (var head = 0u; head < heads; head++) {
    let first = row * stride + head * 2 * pairs + i;
    let a = x[first];
    let b = x[first + pairs];
    x[first] = a * cs.x - b * cs.y;
    x[first + pairs] = b * cs.x + a * cs.y;
  }
}
