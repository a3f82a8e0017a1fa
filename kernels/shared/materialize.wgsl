// out = what operand x reads, element by element. A thread takes a vector of columns of four rows, so that four loads are under way at once
// and what the operand reads by column (gamma and beta, tables) serves four.
struct Parameters { rows: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
override stride: u32; // in vectors

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let flat = (group.y * groups.x + group.x) * 64 + local;
  let column = flat % stride;
  let row = vec4(flat / stride * 4) + vec4(0u, 1u, 2u, 3u);
  let at = min(row, vec4(p.rows - 1)) * stride + column;
  let a = x_load4(at.x, column);
  let b = x_load4(at.y, column);
  let c = x_load4(at.z, column);
  let d = x_load4(at.w, column);
  if (row.x < p.rows) { out[at.x] = a; }
  if (row.y < p.rows) { out[at.y] = b; }
  if (row.z < p.rows) { out[at.z] = c; }
  if (row.w < p.rows) { out[at.w] = d; }
}
