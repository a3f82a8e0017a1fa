// The smallest and the largest of what a workgroup of `threads` invocations has seen. Joined in front of the kernels that turn values into
// ranges; every invocation must call, and all get the result.
struct Span { low: f32, high: f32 }
var<workgroup> spans: array<vec2<f32>, threads>; // minima, and maxima with their sign turned

fn workgroup_span(low: vec4<f32>, high: vec4<f32>, local: u32) -> Span {
  let negative = -high;
  workgroupBarrier();
  spans[local] = vec2(
    min(min(low.x, low.y), min(low.z, low.w)),
    min(min(negative.x, negative.y), min(negative.z, negative.w)),
  );
  var count = threads;
  for (; count > 8; count /= 4) {
    let quarter = count / 4;
    workgroupBarrier();
    if (local < quarter) {
      let b = spans[local + quarter];
      let c = spans[local + 2 * quarter];
      let d = spans[local + 3 * quarter];
      spans[local] = min(min(spans[local], b), min(c, d));
    }
  }
  workgroupBarrier();
  var span = spans[0];
  for (var i = 1u; i < count; i++) {
    span = min(span, spans[i]);
  }
  return Span(span.x, -span.y);
}
