// A matrix in halves, scaled as an operand of a product, eight to an element.
@group(GROUP) @binding(0) var<storage, read> NAME_halves: array<vec4<u32>>;
