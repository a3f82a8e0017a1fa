// Finds the range of each part of a row, and stores the row as codes by these ranges: nothing lies outside them. A workgroup a row; rows
// of codes are whole words. `ranges`: scale and shift by row and part.
struct Parameters { rows: u32, first_row: u32, stream: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> ranges: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> codes: array<u32>;
override cols: u32;
override stride: u32; // in vectors
override parts: u32;
override threads: u32;
var<workgroup> lows: array<f32, threads>;
var<workgroup> highs: array<f32, threads>;
var<workgroup> quantizers: array<vec2<f32>, parts>; // shift and 1/scale

fn channels_of(column: u32) -> vec4<u32> {
  return vec4(4 * column) + vec4(0u, 1u, 2u, 3u);
}

fn quantizer(channel: u32) -> vec2<f32> {
  if (channel >= cols) {
    return vec2<f32>(); // padding
  }
  return quantizers[channel / (cols / parts)];
}

@compute @workgroup_size(threads)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let row = group.y * groups.x + group.x;
  if (row >= p.rows) {
    return;
  }
  let size = cols / parts;
  let levels = f32((1u << bits) - 1);
  for (var part = 0u; part < parts; part++) {
    let end = (part + 1) * size;
    var low = vec4(3.0e38);
    var high = vec4(-3.0e38);
    for (var column = part * size / 4 + local; 4 * column < end; column += threads) {
      let channels = channels_of(column);
      let inside = (channels >= vec4(part * size)) & (channels < vec4(end));
      let v = x[row * stride + column];
      low = select(low, min(low, v), inside);
      high = select(high, max(high, v), inside);
    }
    lows[local] = min(min(low.x, low.y), min(low.z, low.w));
    highs[local] = max(max(high.x, high.y), max(high.z, high.w));
    for (var half = threads / 2; half > 0; half /= 2) {
      workgroupBarrier();
      if (local < half) {
        lows[local] = min(lows[local], lows[local + half]);
        highs[local] = max(highs[local], highs[local + half]);
      }
    }
    if (local == 0) {
      let range = highs[0] - lows[0];
      var inverse = 0.0;
      if (range > 0.0) {
        inverse = levels / range;
      }
      quantizers[part] = vec2(lows[0], inverse);
      ranges[row * parts + part] = vec2(range / levels, lows[0]);
    }
    workgroupBarrier();
  }

  let vectors = 8 / bits; // of four codes in a word
  let row_words = (stride + vectors - 1) / vectors;
  for (var i = local; i < row_words; i += threads) {
    var word = 0u;
    for (var j = 0u; j < vectors && i * vectors + j < stride; j++) {
      let column = i * vectors + j;
      let channels = channels_of(column);
      let a = quantizer(channels.x);
      let b = quantizer(channels.y);
      let c = quantizer(channels.z);
      let d = quantizer(channels.w);
      let vector = row * stride + column;
      let encoded = encode4(
        x[vector], vec4(a.x, b.x, c.x, d.x), vec4(a.y, b.y, c.y, d.y), p.first_row * stride + vector, p.stream,
      );
      word |= encoded.codes << (4 * bits * j);
    }
    codes[row * row_words + i] = word;
  }
}
